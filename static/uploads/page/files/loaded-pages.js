import { foldersComeFirst } from "./order.js";
import { fileItem, folderItem } from "./types.js";

/** @import { FolderInfo, Item, ListPage, Sort } from "./types.js" */

/** @typedef {{cursor: string|null, items: Item[], isStale: boolean}} LoadedPage */

/**
 * The pages of one list that were read so far. Any of them can be read again: its end may move, and then the next page
 * begins there and is stale, until somebody looks at it.
 */
export class LoadedPages {
  /** @type {LoadedPage[]} */
  #pages = [];
  #sort;
  /** @type {FolderInfo|null} */
  folder = null;
  /** The cursor of the page after the last one; null at the end of the list. @type {string|null} */
  next = null;
  /** How many files were compared with a search or a filter, in all pages together. */
  examined = 0;

  /** @param {Sort} sort */
  constructor(sort) {
    this.#sort = sort;
  }

  get count() {
    return this.#pages.length;
  }

  /** @returns {Item[]} */
  get items() {
    return this.#pages.flatMap(({ items }) => items);
  }

  /**
   * @param {number} index of a page, at most `count`
   * @returns {string|null} where it begins
   */
  cursorOf(index) {
    return index < this.#pages.length ? this.#pages[index].cursor : this.next;
  }

  /**
   * @param {number} index at most `count`
   * @param {ListPage} page
   */
  set(index, page) {
    const cursor = this.cursorOf(index);
    const isNew = index === this.#pages.length;
    const items = itemsOf(page, this.#sort);
    const keys = new Set(items.map(({ key }) => key));
    for (const other of this.#pages) other.items = other.items.filter(({ key }) => !keys.has(key));
    this.#pages[index] = { cursor, items, isStale: false };
    if (page.folder) this.folder = page.folder;
    if (isNew) this.examined += page.examined ?? 0;
    this.#endAt(index, page.next_cursor);
  }

  /** From now on, every page differs from what the server has. */
  markStale() {
    for (const page of this.#pages) page.isStale = true;
  }

  /**
   * @param {number} from the index of an item
   * @param {number} to the index after the last item
   * @returns {number} the index of the first stale page that has one of these items; -1 for none. The first page counts
   *   always, because it has the totals of the folder.
   */
  staleIn(from, to) {
    let start = 0;
    for (const [index, { items, isStale }] of this.#pages.entries()) {
      const end = start + items.length;
      if (isStale && (index === 0 || (start <= to && end >= from))) return index;
      start = end;
    }
    return -1;
  }

  /**
   * @param {number} index of the page that was read
   * @param {string|null} next where the page after it begins
   */
  #endAt(index, next) {
    const following = this.#pages[index + 1];
    if (!following || next === null) {
      this.#pages.length = index + 1;
      this.next = next;
    } else if (following.cursor !== next) {
      following.cursor = next;
      following.isStale = true;
    }
  }
}

/**
 * @param {ListPage} page
 * @param {Sort} sort
 * @returns {Item[]}
 */
function itemsOf({ folders, files }, sort) {
  const inside = folders.map(folderItem);
  return foldersComeFirst(sort) ? [...inside, ...files.map(fileItem)] : [...files.map(fileItem), ...inside];
}
