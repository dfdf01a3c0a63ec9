import { ago, localTimeAndUtc } from "../text/format.js";
import { listMessages } from "../text/list-messages.js";
import { displayName } from "../text/names.js";
import { find } from "../ui/elements.js";
import { showRowName } from "../ui/file-name.js";
import { setAttribute, setText, setVisible } from "../ui/rendering.js";
import { addressOf, ROOT } from "./place.js";
import { rowText } from "./row-text.js";
import { nameOf } from "./types.js";

/** @import { Item, Place } from "./types.js" */

/**
 * @typedef {object} RowState
 * @property {Place} place
 * @property {number} index of the item in the list
 * @property {boolean} isSelected
 * @property {boolean} isFocus whether the Tab key leads to this row
 */

/** The row of an item, as templates/uploads/_row_template.html has it. */
export class FileRow {
  element;
  /** The item as it was drawn. @type {Item|null} */
  item = null;
  #place = "";
  #name;
  #note;
  #time;
  #icon;
  #tile;
  #picture = "";
  #checkbox;

  /** @param {HTMLTemplateElement} template */
  constructor(template) {
    const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = find(content, "[data-file-row]");
    this.#name = find(this.element, "[data-field=name]");
    this.#note = find(this.element, "[data-field=note]");
    this.#time = find(this.element, "time", HTMLTimeElement);
    this.#icon = find(this.element, ".tile use", SVGUseElement);
    this.#tile = find(this.element, ".tile");
    this.#checkbox = find(this.element, "[data-select]", HTMLInputElement);
  }

  /** @returns {HTMLElement} for the picture */
  get tile() {
    return this.#tile;
  }

  /**
   * @param {Item} item
   * @param {RowState} state
   */
  draw(item, { place, index, isSelected, isFocus }) {
    const address = addressOf(place);
    if (item !== this.item || address !== this.#place) this.#drawItem(item, place);
    this.item = item;
    this.#place = address;
    // The first row has the titles of the columns.
    setAttribute(this.element, "aria-rowindex", String(index + 2));
    setAttribute(this.element, "aria-selected", String(isSelected));
    if (this.#checkbox.checked !== isSelected) this.#checkbox.checked = isSelected;
    if (this.element.tabIndex !== (isFocus ? 0 : -1)) this.element.tabIndex = isFocus ? 0 : -1;
  }

  /** Draws the time again, which is relative to now. */
  drawTime() {
    const { dateTime } = this.#time;
    if (!dateTime) return;
    const time = new Date(dateTime);
    setText(this.#time, ago(time));
    setAttribute(this.#time, "title", localTimeAndUtc(time));
  }

  /** The controls of this row, in the order in which arrow keys reach them. */
  get controls() {
    const all = /** @type {NodeListOf<HTMLElement>} */ (this.element.querySelectorAll("input, a[href], button"));
    return [...all].filter((control) => control.checkVisibility({ visibilityProperty: true }));
  }

  /**
   * @param {Item} item
   * @param {Place} place
   */
  #drawItem(item, place) {
    const { element } = this;
    const text = rowText(item, place);
    const name = nameOf(item);
    Object.assign(element.dataset, { key: item.key, kind: item.kind, name, state: stateOf(item) });
    if (!this.item || nameOf(this.item) !== name) {
      showRowName(this.#name, name);
      this.#label(name);
    }
    setAttribute(this.#name, "title", displayName(name));
    setText(find(element, "[data-field=type]"), text.type);
    const size = find(element, "[data-field=size]");
    setText(size, text.size);
    setAttribute(size, "title", text.sizeHint);
    this.#time.dateTime = text.time;
    if (!text.time) setText(this.#time, "");
    this.drawTime();
    this.#drawNote(text);
    // The name is in two parts, between which a screen reader would pause.
    const label = [displayName(name), text.note].filter(Boolean).join(", ");
    setAttribute(find(element, "[role=rowheader]"), "aria-label", label);
    this.#drawTile(item, text.icon, text.group);
    this.#drawControls(item);
  }

  /** @param {import("./row-text.js").RowText} text */
  #drawNote({ note, noteFolder, isProblem }) {
    const link = noteFolder ? document.createElement("a") : null;
    if (link)
      Object.assign(link, { href: addressOf({ ...ROOT, folder: noteFolder }), tabIndex: -1, textContent: note });
    if (link) link.dataset.folder = noteFolder;
    this.#note.replaceChildren(link ?? note);
    setVisible(this.#note, note !== "");
    setAttribute(this.#note, "title", note);
    this.#note.toggleAttribute("data-problem", isProblem);
  }

  /**
   * @param {Item} item
   * @param {string} icon
   * @param {string} group
   */
  #drawTile(item, icon, group) {
    const sprite = this.#icon.href.baseVal.split("#")[0];
    setAttribute(this.#icon, "href", `${sprite}#${icon}`);
    setAttribute(this.#tile, "data-kind", group);
    const url = item.kind === "file" ? (item.file.thumbnail_url ?? "") : "";
    if (url === this.#picture) return;
    this.#picture = url;
    this.#tile.querySelector("img")?.remove();
    delete this.#tile.dataset.thumbnail;
    if (url) this.#showPicture(url);
  }

  /** @param {string} url */
  #showPicture(url) {
    const image = document.createElement("img");
    image.alt = "";
    image.decoding = "async";
    image.className = "tile-thumbnail";
    // The icon stays until the picture is there, so that nothing flashes.
    image.addEventListener("load", () => this.#tile.setAttribute("data-thumbnail", ""));
    image.addEventListener("error", () => image.remove());
    image.src = url;
    this.#tile.append(image);
  }

  /** @param {Item} item */
  #drawControls(item) {
    const state = stateOf(item);
    for (const button of this.element.querySelectorAll("[data-for]")) {
      const states = button.getAttribute("data-for")?.split(" ") ?? [];
      setVisible(/** @type {HTMLElement} */ (button), states.includes(state));
    }
    const link = find(this.element, "a.file-download", HTMLAnchorElement);
    link.href =
      item.kind === "file"
        ? `${link.dataset.base ?? ""}/files/${encodeURIComponent(item.key)}/download?redirect=1`
        : "";
  }

  /** @param {string} name */
  #label(name) {
    setAttribute(this.#checkbox, "aria-label", listMessages.select(name));
    for (const [action, label] of Object.entries(LABELS)) {
      const control = this.element.querySelector(`[data-action="${action}"]`);
      if (control) setAttribute(control, "aria-label", label(name));
    }
  }
}

/** @type {Record<string, (name: string) => string>} */
const LABELS = {
  download: listMessages.download,
  trash: listMessages.trash,
  restore: listMessages.restore,
  more: listMessages.more,
};

/**
 * @param {Item} item
 * @returns {"folder"|"stored"|"scanning"|"trashed"|"rejected"}
 */
function stateOf(item) {
  return item.kind === "folder" ? "folder" : (item.file.state ?? "stored");
}
