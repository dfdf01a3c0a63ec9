import { ApiError } from "../../client/index.js";
import { LoadedPages } from "./loaded-pages.js";
import { Overlay } from "./overlay.js";
import { isSamePlace, orderOf } from "./place.js";

/** @import { FilesApi } from "../../client/index.js" */
/** @import { FolderInfo, Item, ListPage, Place } from "./types.js" */

/** Items per request: the most that the server returns. */
const PAGE = 200;
/** So many items before the last loaded one is displayed, the next page is read. */
const AHEAD = 100;
/** A page with fewer items is sparse, if it is not the last one: the server compares each file with the search. */
const SPARSE = 20;
/** Sparse pages that are read without being asked for: each of them costs the server up to two seconds. */
const MAX_SPARSE = 5;

/** @typedef {"loading"|"ready"|"failed"} State `failed`: nothing of this place could be read */

/**
 * What is listed: the items of a place, as far as they were read. Emits `place` when another place is shown (its
 * detail says whether the address is a new one of the history), `state` when `state` or `problem` changes, and `change`
 * when the items differ.
 */
export class FileStore extends EventTarget {
  /** @type {Place} */
  place;
  /** @type {State} */
  state = "loading";
  /** Why the last request failed; null if it did not. @type {ApiError|null} */
  problem = null;
  #files;
  #pages;
  #overlay = new Overlay();
  /** @type {Item[]|null} */
  #items = null;
  /** The items that are displayed. */
  #wanted = { from: 0, to: 0 };
  #wantsMore = false;
  #sparse = 0;
  #abort = new AbortController();
  /** @type {Promise<void>|null} */
  #reading = null;

  /**
   * @param {FilesApi} files
   * @param {Place} place
   * @param {ListPage|null} [first] its first page, if it is known
   */
  constructor(files, place, first = null) {
    super();
    this.#files = files;
    this.place = place;
    this.#pages = new LoadedPages(orderOf(place));
    if (!first) return;
    this.#pages.set(0, first);
    this.state = "ready";
  }

  /** @returns {Item[]} in the order of the list */
  get items() {
    this.#items ??= this.#overlay.apply(this.#pages.items, orderOf(this.place), !this.hasMore);
    return this.#items;
  }

  /** Whether the server has more items than were read. */
  get hasMore() {
    return this.#pages.next !== null;
  }

  /** The open folder with its totals; null in lists of several folders. @returns {FolderInfo|null} */
  get folder() {
    return this.#pages.folder;
  }

  /** How many files a search or a filter was compared with so far. */
  get examined() {
    return this.#pages.examined;
  }

  /** Whether more is only read when `loadMore` is called, because a search has found little for a while. */
  get isPaused() {
    return this.hasMore && this.#sparse >= MAX_SPARSE;
  }

  /** Whether the server is being asked. */
  get isReading() {
    return this.#reading !== null;
  }

  /**
   * Shows another place.
   * @param {Place} place
   * @param {{push?: boolean|null}} [options] whether its address is a new one in the history (the default), or replaces
   *   the current one; null if it comes from the history
   */
  go(place, { push = true } = {}) {
    if (isSamePlace(place, this.place) && this.state !== "failed") return this.reload();
    this.#abort.abort();
    this.#abort = new AbortController();
    this.place = place;
    this.#overlay.clear();
    this.#pages = new LoadedPages(orderOf(place));
    this.#wanted = { from: 0, to: 0 };
    this.#wantsMore = false;
    this.#sparse = 0;
    this.#items = null;
    this.#enter("loading", null);
    this.dispatchEvent(new CustomEvent("place", { detail: { push } }));
    return this.#read();
  }

  /** Reads the list again, as far as it is displayed. What was read before stays until then. */
  reload() {
    this.#pages.markStale();
    return this.retry();
  }

  /** Continues after a failure. */
  retry() {
    if (this.problem) this.#enter(this.#pages.count > 0 ? "ready" : "loading", null);
    return this.#read();
  }

  /** Reads the next page. */
  loadMore() {
    this.#wantsMore = true;
    this.#sparse = 0;
    return this.retry();
  }

  /**
   * These items are displayed: reads what is missing, or no longer true.
   * @param {number} from
   * @param {number} to the index after the last one
   */
  show(from, to) {
    this.#wanted = { from, to };
    if (!this.problem) this.#read();
  }

  // --- Changes of this page, before the server's list has them ---------------------------------------

  /** @param {Iterable<string>} keys */
  remove(keys) {
    this.#overlay.remove(keys);
    this.#changed();
  }

  /** @param {Iterable<Item>} items that were removed, and are back */
  restoreLocally(items) {
    this.add(items);
  }

  /** @param {Iterable<Item>} items of this place */
  add(items) {
    this.#overlay.add(items);
    this.#changed();
  }

  /** @param {Item} item as it is now */
  replace(item) {
    this.#overlay.replace(item);
    this.#changed();
  }

  // --- Requests --------------------------------------------------------------------------------------

  /** @returns {Promise<void>} settled when nothing is left to read, or after a failure */
  #read() {
    if (!this.#reading && this.#next() === null) return Promise.resolve();
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = null;
      this.dispatchEvent(new Event("state"));
    });
    return this.#reading;
  }

  /** One request after another, because each may change what the next one has to read. */
  async #readAll() {
    // In a microtask: the caller has to know the promise before anything is emitted.
    await null;
    for (let index = this.#next(); index !== null; index = this.#next()) await this.#readPage(index);
  }

  /** @returns {number|null} the index of the page to read now; null for none */
  #next() {
    if (this.problem) return null;
    if (this.#pages.count === 0) return 0;
    const { from, to } = this.#wanted;
    const stale = this.#pages.staleIn(from, to);
    if (stale !== -1) return stale;
    const isNeeded = this.#wantsMore || (to > this.items.length - AHEAD && !this.isPaused);
    return this.hasMore && isNeeded ? this.#pages.count : null;
  }

  /** @param {number} index */
  async #readPage(index) {
    const { signal } = this.#abort;
    const pages = this.#pages;
    const { view, ...rest } = this.place;
    const state = /** @type {const} */ ({
      files: "stored",
      scanning: "scanning",
      trash: "trashed",
      rejected: "rejected",
    })[view];
    try {
      const page = await this.#files.list({ ...rest, state }, { cursor: pages.cursorOf(index), limit: PAGE, signal });
      if (pages === this.#pages) this.#add(index, page);
    } catch (error) {
      if (signal.aborted) return;
      const isBug = !(error instanceof ApiError);
      this.#wantsMore = false;
      // After a bug, too, only a user asks again; otherwise each drawing would.
      this.#enter(pages.count > 0 ? "ready" : "failed", isBug ? new ApiError(0, "", "") : error);
      if (isBug) throw error;
    }
  }

  /**
   * @param {number} index
   * @param {ListPage} page
   */
  #add(index, page) {
    if (index === this.#pages.count) {
      if (page.next_cursor !== null && page.files.length + page.folders.length < SPARSE) this.#sparse += 1;
      this.#wantsMore = false;
    }
    this.#pages.set(index, page);
    this.#overlay.settle(this.#pages.items);
    this.#enter("ready", null);
    this.#changed();
  }

  /**
   * @param {State} state
   * @param {ApiError|null} problem
   */
  #enter(state, problem) {
    if (this.state === state && this.problem === problem) return;
    Object.assign(this, { state, problem });
    this.dispatchEvent(new Event("state"));
  }

  #changed() {
    this.#items = null;
    this.dispatchEvent(new Event("change"));
  }
}
