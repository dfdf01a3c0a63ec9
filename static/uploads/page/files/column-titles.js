import { listMessages } from "../text/list-messages.js";
import { find, findAll } from "../ui/elements.js";
import { setAttribute, setText } from "../ui/rendering.js";
import { isFolder, isReadOnly, NEWEST_FIRST } from "./place.js";

/** @import { Selection } from "./selection.js" */
/** @import { FileStore } from "./store.js" */
/** @import { Sort } from "./types.js" */

/** @typedef {"name"|"date"} Column a column by which a folder can be sorted */

/** The titles of the columns: those of a folder sort it, and the box in front of them selects everything. */
export class ColumnTitles {
  #store;
  #selection;
  #all;
  #date;
  /** @type {HTMLButtonElement[]} */
  #buttons;

  /**
   * @param {HTMLElement} element as in templates/uploads/_list.html
   * @param {object} parts
   * @param {FileStore} parts.store
   * @param {Selection} parts.selection
   */
  constructor(element, { store, selection }) {
    this.#store = store;
    this.#selection = selection;
    this.#all = find(element, "[data-all]", HTMLInputElement);
    this.#date = find(element, ".file-date button");
    this.#buttons = /** @type {HTMLButtonElement[]} */ (findAll(element, "[data-column]"));
    this.#all.addEventListener("change", () => this.#selectAll(this.#all.checked));
    for (const button of this.#buttons) {
      button.addEventListener("click", () => this.#sortBy(/** @type {Column} */ (button.dataset.column)));
    }
    for (const type of ["place", "change", "state"]) store.addEventListener(type, () => this.#draw());
    selection.addEventListener("change", () => this.#drawAll());
    this.#draw();
  }

  /** @param {boolean} isChecked */
  #selectAll(isChecked) {
    const keys = this.#store.items.map(({ key }) => key);
    if (isChecked) this.#selection.selectAll(keys, this.#store.hasMore);
    else this.#selection.clear();
  }

  /** @param {Column} column */
  #sortBy(column) {
    const { place } = this.#store;
    this.#store.go({ ...place, sort: nextSort(place.sort, column) }, { push: false });
  }

  #draw() {
    const { place, state } = this.#store;
    // Until the new list is there, the old one is shown, and with it its title.
    if (state !== "loading") {
      setText(this.#date, place.view === "trash" ? listMessages.columns.trashed : listMessages.columns.date);
    }
    for (const button of this.#buttons) {
      const column = /** @type {Column} */ (button.dataset.column);
      button.disabled = !isFolder(place);
      const direction = isFolder(place) ? directionOf(place.sort, column) : "none";
      setAttribute(/** @type {HTMLElement} */ (button.parentElement), "aria-sort", direction);
    }
    this.#drawAll();
  }

  #drawAll() {
    const { items, hasMore, place } = this.#store;
    const isAll = this.#selection.hasAll(items.length, hasMore);
    this.#all.hidden = isReadOnly(place) || items.length === 0;
    this.#all.checked = isAll;
    this.#all.indeterminate = this.#selection.size > 0 && !isAll;
  }
}

/**
 * @param {Sort} sort
 * @param {Column} column
 * @returns {"ascending"|"descending"|"none"} as `aria-sort`
 */
export function directionOf(sort, column) {
  if (!sort.endsWith(column)) return "none";
  return sort.startsWith("-") ? "descending" : "ascending";
}

/**
 * @param {Sort} sort
 * @param {Column} column whose title was pressed
 * @returns {Sort} first what one looks for in this column: names from A, the newest files; then the reverse
 */
export function nextSort(sort, column) {
  if (column === "date") return sort === NEWEST_FIRST ? "date" : NEWEST_FIRST;
  return sort === "name" ? "-name" : "name";
}
