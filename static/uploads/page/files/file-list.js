import { ApiError, Confirmations, isSignedOut } from "../../client/index.js";
import { ago, fullLocalTime } from "../text/format.js";
import { explain, messages } from "../text/messages.js";
import { displayName, matchesSearch } from "../text/names.js";
import { confirmWith } from "../ui/confirm-dialog.js";
import { byId, findAll } from "../ui/elements.js";
import { collapse, fadeIn } from "../ui/motion.js";
import { deleteButtonOf, focusRow, idOf, markDeleting, markStored, nameOf, note } from "./file-row.js";
import { ListRequests } from "./list-requests.js";

/** @import { Api, UploadStatus } from "../../client/index.js" */
/** @import { Announcer } from "../ui/announcer.js" */
/** @import { Problem } from "./list-requests.js" */

/**
 * @typedef {object} Callbacks
 * @property {() => void} onSessionEnded
 * @property {(problem: Problem, retry: () => void) => void} onListFailed the list stays as it is
 * @property {() => void} [onListed] the list is up to date again
 * @property {(id: string) => void} onDelete the server has accepted the deletion
 * @property {() => void} onDeleted
 */

/** Files that are stored at almost the same time are fetched together. */
const BATCH_DELAY = 150;
/** If more files than this are new, the first page is loaded instead of rows. */
const MANY = 20;
/** New rows until the list is reloaded, so that it does not grow without limit. */
const MAX_ADDED = 100;
const RELOAD_INTERVAL = 2_000;
/** Milliseconds without new rows after which the next ones are highlighted; longer than a highlight takes. */
const HIGHLIGHT_AFTER = 3_000;
/** More new rows than this are not highlighted: nobody waits for one of them, and each is painted again in each frame. */
const MAX_HIGHLIGHTED = 6;
const MAX_ATTEMPTS = 3;
const RETRY_DELAY = 3_000;
const TIMES_INTERVAL = 60_000;

/** The list of stored files. It adds new files and removes deleted ones without reloading the page. */
export class FileList {
  /** @type {Set<string>} */
  #deleting = new Set();
  /** @type {Set<string>} */
  #arriving = new Set();
  /** Whether files were stored while the session was over, which the list does not show yet. */
  #missedSome = false;
  #added = 0;
  #attempts = 0;
  #timer = 0;
  #reloadedAt = -Infinity;
  #insertedAt = -Infinity;
  /** Whether more than the first page was loaded. */
  #isExtended = new URLSearchParams(location.search).has("cursor");
  /** Counts what htmx has loaded, a search or another page; older responses to our own requests are ignored. */
  #generation = 0;
  #list = byId("files");
  #search = byId("search", HTMLInputElement);
  #dialog = byId("confirm-dialog", HTMLDialogElement);
  #notice = byId("new-files");
  #api;
  #announcer;
  #deletions;
  #requests;
  #onSessionEnded;
  #onListFailed;
  #onListed;
  #onDelete;
  #onDeleted;

  /**
   * @param {Api} api
   * @param {Announcer} announcer
   * @param {Callbacks} callbacks
   */
  constructor(api, announcer, { onSessionEnded, onListFailed, onListed = () => {}, onDelete, onDeleted }) {
    this.#api = api;
    this.#announcer = announcer;
    this.#onSessionEnded = onSessionEnded;
    this.#onListFailed = onListFailed;
    this.#onListed = onListed;
    this.#onDelete = onDelete;
    this.#onDeleted = onDeleted;
    this.#deletions = new Confirmations({
      ask: (ids) => api.statuses(ids),
      settle: (id, status) => this.#settleDeletion(id, status),
      onSlow: (id) => this.#note(id, messages.deletingSlowly),
      onSessionEnded,
    });
    this.#list.addEventListener("click", (event) => this.#clicked(event));
    byId("show-new-files").addEventListener("click", () => this.#showNewFiles());
    setInterval(() => this.#showTimes(), TIMES_INTERVAL);
    this.#requests = new ListRequests(this.#list, this.#search, api.userHeader, {
      onSwap: (isWhole) => this.#swapped(isWhole),
      onFailed: onListFailed,
      onSessionEnded,
    });
    this.refresh();
  }

  /**
   * Shows a file that has just been stored, unless a search hides it.
   * @param {string} id
   * @param {string} name
   */
  show(id, name) {
    if (!this.#matchesSearch(name)) return;
    this.#arriving.add(id);
    this.#fetchIn(BATCH_DELAY);
  }

  /** Catches up after the user has signed in again. */
  async signedIn() {
    this.#deletions.tryNow();
    this.#requests.signedIn();
    if (!this.#missedSome) return;
    this.#missedSome = false;
    this.#notice.hidden = !this.#isInUse();
    if (this.#notice.hidden) await this.#showNewFiles({ focus: false });
  }

  /** Applies what this page knows to rows that came from the server. */
  refresh() {
    const seen = new Set();
    for (const row of findAll(this.#list, "[data-file-row]")) {
      const id = idOf(row);
      if (seen.has(id)) {
        row.remove();
      } else if (this.#deleting.has(id)) {
        markDeleting(row);
      }
      seen.add(id);
    }
    this.#showTimes();
  }

  /** @param {number} delay milliseconds */
  #fetchIn(delay) {
    this.#timer ||= setTimeout(() => this.#fetchArriving(), delay);
  }

  async #fetchArriving() {
    const wait = this.#reloadedAt + RELOAD_INTERVAL - performance.now();
    const needsReload = this.#arriving.size > MANY || this.#added > MAX_ADDED;
    this.#timer = 0;
    if (needsReload && (wait > 0 || this.#isInUse())) {
      this.#notice.hidden = !this.#isInUse();
      this.#fetchIn(Math.max(wait, RELOAD_INTERVAL / 2));
      return;
    }
    // No other fetch starts before the response to this one.
    this.#timer = -1;
    this.#attempts += 1;
    try {
      await (needsReload ? this.#reload() : this.#fetchRows());
      this.#attempts = 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (isSignedOut(error)) {
        this.#missedSome = true;
        this.#arriving.clear();
        this.#onSessionEnded();
      } else if (this.#attempts === MAX_ATTEMPTS) {
        this.#onListFailed(error, () => this.#showNewFiles());
      }
    } finally {
      this.#timer = 0;
      if (this.#attempts === MAX_ATTEMPTS) {
        this.#attempts = 0;
        this.#arriving.clear();
      }
      if (this.#arriving.size > 0) this.#fetchIn(this.#attempts > 0 ? RETRY_DELAY : BATCH_DELAY);
    }
  }

  async #fetchRows() {
    const ids = [...this.#arriving];
    const html = await this.#api.fragment(`${this.#list.dataset.rowsUrl}?ids=${ids.join(",")}`);
    for (const id of ids) this.#arriving.delete(id);
    this.#insert(html);
  }

  /** @param {string} html */
  #insert(html) {
    const rows = findAll(parse(html), "[data-file-row]")
      // Checked as late as possible, because a search or another response may have changed the list in the meantime.
      .filter((row) => !this.#row(idOf(row)) && this.#matchesSearch(nameOf(row)));
    if (rows.length === 0) return;
    this.#list.querySelector("[data-list-message]")?.remove();
    this.#list.prepend(...rows);
    this.#added += rows.length;
    this.#showTimes();
    // When files arrive continuously, a highlight is meaningless.
    const highlights = rows.length <= MAX_HIGHLIGHTED && performance.now() > this.#insertedAt + HIGHLIGHT_AFTER;
    this.#insertedAt = performance.now();
    if (!highlights) return;
    for (const row of rows) {
      row.dataset.fresh = "";
      fadeIn(row);
    }
  }

  /** Whether the user is reading, searching or working in the list, so that it must not change. */
  #isInUse() {
    return (
      this.#isExtended ||
      this.#deleting.size > 0 ||
      this.#dialog.open ||
      this.#list.contains(document.activeElement) ||
      this.#list.getBoundingClientRect().top < 0
    );
  }

  async #showNewFiles({ focus = true } = {}) {
    this.#isExtended = false;
    if (focus) byId("files-heading").focus();
    try {
      await this.#reload({ always: true });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) this.#onSessionEnded();
      this.#onListFailed(error, () => this.#showNewFiles());
      return;
    }
    const [row] = findAll(this.#list, "[data-file-row]");
    // Unless the user has moved on in the meantime.
    if (row && document.activeElement === byId("files-heading")) focusRow(row);
  }

  /**
   * Like the server's search: anywhere in the name, ignoring case and accents. Spaces are part of both.
   * @param {string} name
   */
  #matchesSearch(name) {
    return matchesSearch(name, this.#search.value);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {Element} */ (event.target);
    /** @type {HTMLElement|null|undefined} */
    const row = target.closest("[data-delete]")?.closest("[data-file-row]");
    if (row) this.#delete(row);
    if (target.closest("[data-clear-search]")) {
      // A navigation would interrupt the uploads.
      event.preventDefault();
      this.#search.value = "";
      this.#search.dispatchEvent(new Event("search", { bubbles: true }));
      this.#search.focus();
    }
  }

  /** @param {HTMLElement} row */
  async #delete(row) {
    const id = idOf(row);
    if (this.#deleting.has(id) || !(await confirmWith(this.#dialog, displayName(nameOf(row))))) return;
    this.#deleting.add(id);
    markDeleting(this.#row(id));
    try {
      const { state } = await this.#api.trash(id);
      this.#onDelete(id);
      if (state === "trashed") this.#deleted(id);
      else this.#deletions.add(id);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        this.#deleted(id);
        return;
      }
      this.#deleteFailed(id, error);
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /**
   * @param {string} id
   * @param {UploadStatus|undefined} status
   */
  #settleDeletion(id, status) {
    // A file that the server does not know is deleted too.
    if (status !== undefined && status.state !== "deleted") return false;
    this.#deleted(id);
    return true;
  }

  /** @param {string} id */
  async #deleted(id) {
    this.#deleting.delete(id);
    this.#onDeleted();
    const row = this.#row(id);
    if (!row) return;
    this.#announcer.say("deleted", nameOf(row));
    if (row.contains(document.activeElement) || document.activeElement === document.body) {
      this.#focusAfter(row);
    }
    delete row.dataset.fileRow;
    await collapse(row);
    if (this.#list.querySelector("[data-file-row], [data-more], [data-list-message]")) return;
    try {
      await this.#reload({ always: true });
    } catch (error) {
      // The list is empty either way; only the message that says so is missing.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /**
   * @param {string} id
   * @param {unknown} error
   */
  #deleteFailed(id, error) {
    this.#deleting.delete(id);
    const row = this.#row(id);
    if (row) markStored(row);
    const { code, message } = error instanceof ApiError ? error : { code: "", message: "" };
    const sentence = code || message ? explain({ code, message }) : messages.deleteFailed;
    this.#note(id, sentence);
    this.#announcer.note(sentence);
    if (isSignedOut(error)) this.#onSessionEnded();
  }

  /**
   * @param {string} id
   * @param {string} sentence
   */
  #note(id, sentence) {
    const row = this.#row(id);
    if (row) note(row, sentence);
  }

  /** @param {HTMLElement} row */
  #focusAfter(row) {
    const rows = findAll(this.#list, "[data-file-row]");
    const index = rows.indexOf(row);
    const neighbour = rows[index + 1] ?? rows[index - 1];
    (neighbour ? deleteButtonOf(neighbour) : byId("files-heading")).focus();
  }

  /** Shows the current first page, or the message for an empty list. */
  async #reload({ always = false } = {}) {
    const generation = this.#generation;
    const search = this.#search.value;
    const query = search ? `?q=${encodeURIComponent(search)}` : "";
    const content = parse(await this.#api.fragment(`${this.#list.dataset.homeUrl}${query}`));
    this.#reloadedAt = this.#insertedAt = performance.now();
    // A search has started in the meantime, and its response is newer.
    if (this.#generation !== generation || this.#search.value !== search) return;
    if (this.#isInUse() && !always) return;
    const ids = findAll(content, "[data-file-row]").map(idOf);
    const last = ids.at(-1);
    this.#list.replaceChildren(content);
    /** @type {{htmx?: {process: (element: Element) => void}}} */ (globalThis).htmx?.process(this.#list);
    this.refresh();
    this.#added = 0;
    this.#notice.hidden = true;
    this.#onListed();
    // Ids sort by time. A file that is newer than the last row but missing has not reached the list's index yet.
    for (const id of this.#arriving) {
      if (ids.includes(id) || (last !== undefined && id < last)) this.#arriving.delete(id);
    }
  }

  /** @param {boolean} isWhole whether the whole list was replaced, not only its end */
  #swapped(isWhole) {
    this.#isExtended = !isWhole;
    if (isWhole) this.#added = 0;
    this.#generation += 1;
    this.refresh();
    this.#onListed();
  }

  #showTimes() {
    for (const element of this.#list.querySelectorAll("time")) {
      const time = new Date(element.dateTime);
      element.textContent = ago(time);
      element.title = fullLocalTime(time);
    }
  }

  /**
   * @param {string} id
   * @returns {HTMLElement|null}
   */
  #row(id) {
    return this.#list.querySelector(`[data-file-row][data-id="${CSS.escape(id)}"]`);
  }
}

/** @param {string} html rendered by the server, which escapes names */
function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}
