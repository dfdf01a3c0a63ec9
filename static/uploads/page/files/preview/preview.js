import "../../copy.js";
import { isSignedOut } from "../../../client/index.js";
import { number } from "../../text/language.js";
import { displayName } from "../../text/names.js";
import { previewMessages } from "../../text/preview-messages.js";
import { find } from "../../ui/elements.js";
import { showRowName } from "../../ui/file-name.js";
import { Details } from "./details.js";
import { commandOf } from "./keys.js";
import { Loader } from "./loader.js";
import { Stage } from "./stage.js";

/** @import { Api } from "../../../client/index.js" */
/** @import { FileItem, Item } from "../types.js" */
/** @import { View } from "./views.js" */

/**
 * @typedef {object} OpenOptions
 * @property {(item: FileItem) => void} [onClose] with the file that was shown last; the focus is where it was before
 * @property {(item: FileItem) => void} onDownload
 * @property {boolean} [withDetails] whether the panel with the details is opened, too
 * @property {() => Promise<Item[]|null>} [more] loads further items; resolves with all of them, or null if there are
 *   no more
 */

/** How near the last item is when more are loaded. */
const NEAR_END = 5;
/** Milliseconds after which a file is loaded: while an arrow key is held, most files are passed. */
const SETTLED = 120;
const DETAILS_KEY = "filehub:preview-details";

/** The preview of files in a dialog: templates/uploads/_preview_dialog.html. */
export class Preview {
  /** @type {FileItem[]} */
  #items = [];
  #index = 0;
  /** @type {OpenOptions} */
  #options = { onDownload: () => {} };
  #isComplete = true;
  #isLoadingMore = false;
  #hasMoved = false;
  #timer = 0;
  #movedAt = -Infinity;
  #dialog;
  #stage;
  #details;
  #loader;
  #onSessionEnded;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {{api: Pick<Api, "preview">, onSessionEnded: () => void}} page
   */
  constructor(dialog, { api, onSessionEnded }) {
    this.#dialog = dialog;
    this.#onSessionEnded = onSessionEnded;
    this.#loader = new Loader(api);
    this.#details = new Details(find(dialog, "[data-details]"));
    this.#stage = new Stage(find(dialog, "[data-stage]"), {
      onRetry: (startAt) => this.#retry(startAt),
      onDownload: () => this.#download(),
      onShown: (view, sentence) => this.#shown(view, sentence),
    });
    this.#listen();
  }

  /** @param {"next"|"previous"|"close"|"download"|"details"} name */
  #button(name) {
    return find(this.#dialog, `[data-action=${name}]`, HTMLButtonElement);
  }

  #listen() {
    this.#button("next").addEventListener("click", () => this.#move(1));
    this.#button("previous").addEventListener("click", () => this.#move(-1));
    this.#button("close").addEventListener("click", () => this.#dialog.close());
    this.#button("download").addEventListener("click", () => this.#download());
    this.#button("details").addEventListener("click", () => this.#showDetails(!this.#hasDetails));
    this.#dialog.addEventListener("keydown", (event) => this.#pressed(event));
    this.#dialog.addEventListener("close", () => this.#closed());
    this.#showDetails(remembered());
  }

  /**
   * @param {Item[]} items folders among them are skipped
   * @param {number} index of a file among the items
   * @param {OpenOptions} options
   */
  open(items, index, options) {
    const first = items[index];
    if (first?.kind !== "file") return;
    this.#options = options;
    this.#isComplete = !options.more;
    this.#list(items, first.key);
    this.#movedAt = -Infinity;
    this.#hasMoved = false;
    if (options.withDetails) this.#showDetails(true);
    this.#dialog.showModal();
    find(this.#dialog, "[data-field=heading]").focus();
    this.#show();
  }

  /**
   * @param {Item[]} items
   * @param {string} key of the file that is shown
   */
  #list(items, key) {
    const files = items.filter((item) => item.kind === "file");
    const index = files.findIndex((item) => item.key === key);
    // It may be gone from the list since it was opened.
    if (index === -1) return;
    this.#items = files;
    this.#index = index;
  }

  get #item() {
    return this.#items[this.#index];
  }

  /** Which of the files is shown. While there are more, their number is not known. */
  get #position() {
    const count = this.#items.length;
    return this.#isComplete ? previewMessages.position(this.#index + 1, count) : number(this.#index + 1);
  }

  /** @param {1|-1} step */
  #move(step) {
    const next = this.#index + step;
    if (next < 0 || next >= this.#items.length) return;
    this.#index = next;
    this.#hasMoved = true;
    const { activeElement } = document;
    // What is shown is replaced, and would take the focus with it.
    if (find(this.#dialog, "[data-stage]").contains(activeElement)) find(this.#dialog, "[data-field=heading]").focus();
    this.#show();
  }

  #show() {
    const { file } = this.#item;
    const heading = find(this.#dialog, "[data-field=heading]");
    showRowName(find(heading, "bdi"), file.file_name);
    heading.title = displayName(file.file_name);
    // The name is in two parts, between which a screen reader would pause.
    heading.setAttribute("aria-label", displayName(file.file_name));
    this.#details.show(file);
    this.notify("");
    this.#showPosition();
    const hurry = performance.now() - this.#movedAt < SETTLED;
    this.#movedAt = performance.now();
    clearTimeout(this.#timer);
    if (hurry) this.#timer = setTimeout(() => this.#load(), SETTLED);
    else this.#load();
    this.#loadMore();
  }

  /** @param {number} [startAt] */
  #load(startAt) {
    const beside = [this.#index + 1, this.#index - 1].map((index) => this.#items[index]).filter(Boolean);
    const { file } = this.#item;
    this.#loader.keep([file.id, ...beside.map(({ key }) => key)]);
    const loading = this.#loader.load(file, startAt);
    loading.catch((error) => isSignedOut(error) && this.#onSessionEnded());
    this.#stage.show(loading, file.kind);
    // Its own content comes first.
    loading.then(
      () => this.#prepare(file.id, beside),
      () => this.#prepare(file.id, beside),
    );
  }

  /**
   * @param {string} id of the file that is shown
   * @param {FileItem[]} beside
   */
  #prepare(id, beside) {
    if (!this.#dialog.open || this.#item.file.id !== id) return;
    for (const { file } of beside) this.#loader.prepare(file);
  }

  async #loadMore() {
    if (this.#isComplete || this.#isLoadingMore || this.#index < this.#items.length - NEAR_END) return;
    this.#isLoadingMore = true;
    const { key } = this.#item;
    try {
      const items = (await this.#options.more?.()) ?? null;
      if (items === null) this.#isComplete = true;
      else this.#list(items, this.#dialog.open ? this.#item.key : key);
      this.#showPosition();
    } catch {
      // The list says what went wrong. The next move tries again.
    } finally {
      this.#isLoadingMore = false;
    }
  }

  #showPosition() {
    const count = this.#items.length;
    find(this.#dialog, "[data-field=position]").textContent = this.#position;
    // Not `disabled`, which would lose the focus of the button.
    this.#button("previous").setAttribute("aria-disabled", String(this.#index === 0));
    this.#button("next").setAttribute("aria-disabled", String(this.#index === count - 1));
    this.#button("download").hidden = (this.#item.file.state ?? "stored") !== "stored";
  }

  /**
   * @param {View|null} view
   * @param {string} sentence why the file is not shown
   */
  #shown(view, sentence) {
    this.#details.dimensions(view?.dimensions ?? null);
    // The name has just been read as the heading, which has the focus.
    const name = this.#hasMoved ? `${displayName(this.#item.file.file_name)}, ${this.#position}. ` : "";
    find(this.#dialog, "[data-field=announcement]").textContent = name + sentence;
  }

  /**
   * Shows a sentence about the file, such as why it could not be downloaded, until another file is shown.
   * @param {string} sentence empty to remove the last one
   */
  notify(sentence) {
    const notice = find(this.#dialog, "[data-field=notice]");
    notice.textContent = sentence;
    notice.hidden = sentence === "";
  }

  /** @param {number} startAt seconds */
  #retry(startAt) {
    find(this.#dialog, "[data-field=heading]").focus();
    this.#loader.drop(this.#item.file.id);
    this.#load(startAt);
  }

  #download() {
    this.notify("");
    this.#options.onDownload(this.#item);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const command = commandOf(event);
    if (!command) return;
    event.preventDefault();
    if (command === "close") this.#dialog.close();
    else this.#move(command === "next" ? 1 : -1);
  }

  #closed() {
    clearTimeout(this.#timer);
    this.#stage.clear();
    this.#loader.keep([]);
    this.#options.onClose?.(this.#item);
  }

  get #hasDetails() {
    return this.#button("details").getAttribute("aria-expanded") === "true";
  }

  /** @param {boolean} isShown */
  #showDetails(isShown) {
    this.#button("details").setAttribute("aria-expanded", String(isShown));
    find(this.#dialog, "[data-details]").hidden = !isShown;
    remember(isShown);
  }
}

function remembered() {
  try {
    return localStorage.getItem(DETAILS_KEY) === "shown";
  } catch {
    return false;
  }
}

/** @param {boolean} isShown */
function remember(isShown) {
  try {
    localStorage.setItem(DETAILS_KEY, isShown ? "shown" : "hidden");
  } catch {
    // Without storage, every page begins without the panel.
  }
}
