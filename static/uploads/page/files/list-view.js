import { byId, find } from "../ui/elements.js";
import { Drawing, setAttribute } from "../ui/rendering.js";
import { isSamePlace } from "./place.js";
import { FileRow } from "./row.js";
import { hasNotes } from "./row-text.js";
import { scrollTo, sectionOf } from "./virtual.js";

/** @import { Pictures } from "./pictures.js" */
/** @import { Selection } from "./selection.js" */
/** @import { FileStore } from "./store.js" */
/** @import { Item, Place } from "./types.js" */
/** @import { Geometry } from "./virtual.js" */

/** Milliseconds between drawings of the times, which are relative to now. */
const TIMES_INTERVAL = 60_000;
/** More new rows than this are not highlighted: nobody waits for one of them. */
const MAX_HIGHLIGHTED = 6;
/** Pixels, until a row was measured. */
const USUAL_HEIGHT = 52;

/**
 * Draws what the store lists: only the rows around the visible part, however long the list is. The page scrolls, not
 * the list. What is at the top of the visible part stays there when the list changes.
 */
export class ListView {
  /** @type {Item[]} */
  #items = [];
  /** @type {Map<string, number>} */
  #indices = new Map();
  /** @type {Map<string, FileRow>} */
  #rows = new Map();
  /** The place whose items are drawn; another one is being read. @type {Place} */
  #place;
  #isChanged = true;
  #isMeasured = false;
  /** The items whose rows are drawn. */
  #drawn = { from: 0, to: 0 };
  #columns = 1;
  #lineHeight = USUAL_HEIGHT;
  /** Whose row gets the focus when it is drawn. @type {string|null} */
  #toFocus = null;
  /** Whether the list itself gets the focus of a row that is no longer drawn. */
  #isHolding = false;
  /** Whether it got that since the last drawing. */
  #hasHeld = false;
  /** Items that are new in the list, and not drawn so far. @type {Set<string>} */
  #fresh = new Set();
  #drawing = new Drawing(() => this.#draw());
  #store;
  #selection;
  #pictures;
  #grid = byId("files");
  #body;
  #head = byId("files-head");
  #template = byId("file-row-template", HTMLTemplateElement);

  /**
   * @param {FileStore} store
   * @param {Selection} selection
   * @param {Pictures} pictures
   */
  constructor(store, selection, pictures) {
    this.#store = store;
    this.#selection = selection;
    this.#pictures = pictures;
    this.#place = store.place;
    const columns = byId("file-columns-template", HTMLTemplateElement).content.cloneNode(true);
    this.#grid.replaceChildren(columns);
    this.#grid.setAttribute("role", "grid");
    this.#body = find(this.#grid, "[role=rowgroup].file-rows");
    this.#body.addEventListener("focus", () => this.#entered());
    store.addEventListener("change", () => this.#changed());
    store.addEventListener("state", () => this.#changed());
    selection.addEventListener("change", () => this.#drawing.soon());
    selection.addEventListener("focus", () => this.#drawing.soon());
    addEventListener("scroll", () => this.#drawing.atOnce(), { passive: true });
    addEventListener("resize", () => this.measure());
    // The height of the titles follows the size of the text.
    new ResizeObserver(() => this.measure()).observe(find(this.#grid, "[role=row]"));
    new ResizeObserver(() => this.#follow()).observe(document.body);
    setInterval(() => this.#drawTimes(), TIMES_INTERVAL);
    this.#draw();
  }

  /** @returns {HTMLElement} */
  get element() {
    return this.#grid;
  }

  /** The displayed items; those of the previous place while another one is being read. */
  get items() {
    return this.#items;
  }

  /** @returns {string[]} */
  get keys() {
    return this.#items.map(({ key }) => key);
  }

  /** How many items are beside each other, and how many are visible at a time. */
  get shape() {
    const lines = Math.max(Math.floor(this.#geometry().height / this.#lineHeight) - 1, 1);
    return { columns: this.#columns, page: lines * this.#columns };
  }

  /** @param {string|null} key */
  indexOf(key) {
    return key === null ? -1 : (this.#indices.get(key) ?? -1);
  }

  /** @param {string} key @returns {Item|undefined} */
  itemOf(key) {
    return this.#items[this.indexOf(key)];
  }

  /** @param {string} key @returns {FileRow|undefined} undefined if it is not drawn */
  rowOf(key) {
    return this.#rows.get(key);
  }

  /** @param {EventTarget|null} target @returns {Item|undefined} the item of the row that contains an element */
  itemAt(target) {
    const row = target instanceof Element ? target.closest("[data-file-row]") : null;
    return row instanceof HTMLElement ? this.itemOf(row.dataset.key ?? "") : undefined;
  }

  /**
   * Scrolls to an item and focuses its row.
   * @param {string} key
   */
  focus(key) {
    const index = this.indexOf(key);
    if (index === -1) return;
    this.#selection.focusOn(key);
    const geometry = this.#geometry();
    // What floats above the end of the window must not cover the row.
    const distance = scrollTo(index, { ...geometry, height: geometry.height - this.#covered });
    if (distance !== 0) scrollBy({ top: distance, behavior: "instant" });
    this.#toFocus = key;
    this.#draw();
  }

  /** Focuses the row to which the Tab key leads; the heading if the list is empty. */
  focusCurrent() {
    this.#draw();
    const key = this.#selection.focus ?? this.#items[0]?.key;
    if (key === undefined) focusHeading();
    else this.focus(key);
  }

  /** Scrolls to the beginning of the list, if the page is scrolled beyond it. */
  scrollToStart() {
    const { top } = this.#geometry();
    if (top > 0) scrollBy({ top: -top, behavior: "instant" });
  }

  /** The rows have another layout. */
  measure() {
    this.#isMeasured = false;
    this.#drawing.atOnce();
  }

  #changed() {
    this.#isChanged = true;
    this.#drawing.soon();
  }

  /** Uploads above the list come and go, and move it. Most of the time, the drawn rows are enough. */
  #follow() {
    const visible = sectionOf(this.#geometry(), 0);
    if (visible.from < this.#drawn.from || visible.to > this.#drawn.to) this.#drawing.soon();
  }

  #draw() {
    if (this.#isChanged) this.#update();
    if (!this.#isMeasured) this.#measure();
    const section = sectionOf(this.#geometry());
    if (this.#store.state !== "loading") this.#store.show(section.from, section.to);
    this.#drawRows(section.from, section.to);
    this.#drawn = section;
    this.#body.style.paddingBlock = `${section.before}px ${section.after}px`;
    if (!this.#isMeasured && this.#rows.size > 0) {
      this.#drawing.atOnce();
    }
    this.#placeFocus();
  }

  /** Takes over what the store has now. */
  #update() {
    this.#isChanged = false;
    const { state, place } = this.#store;
    this.#grid.toggleAttribute("data-loading", state === "loading");
    setAttribute(this.#grid, "aria-busy", String(state === "loading"));
    // Until the new list is there, the old one stays, so that nothing jumps.
    if (state === "loading") return;
    const isSame = isSamePlace(place, this.#place);
    const anchor = isSame ? this.#anchor() : null;
    const before = this.#indices;
    this.#items = this.#store.items;
    this.#indices = new Map(this.#items.map(({ key }, index) => [key, index]));
    this.#place = place;
    this.#grid.toggleAttribute("data-noted", hasNotes(place));
    this.#grid.dataset.view = place.view;
    this.#selection.keep(this.keys, this.#store.hasMore);
    setAttribute(this.#grid, "aria-rowcount", String(this.#store.hasMore ? -1 : this.#items.length + 1));
    if (anchor) this.#keepInPlace(anchor);
    if (isSame && before.size > 0) this.#highlight(before);
  }

  /** @returns {Geometry} */
  #geometry() {
    const head = this.#head.getBoundingClientRect().bottom;
    const top = Math.max(head, 0) - this.#body.getBoundingClientRect().top;
    const height = innerHeight - Math.max(head, 0);
    return { count: this.#items.length, columns: this.#columns, lineHeight: this.#lineHeight, top, height };
  }

  get #covered() {
    return document.getElementById("floating")?.getBoundingClientRect().height ?? 0;
  }

  /** The first visible item, if the list is scrolled. @returns {{keys: string[], index: number}|null} */
  #anchor() {
    const { top } = this.#geometry();
    if (top <= 0) return null;
    const index = Math.floor(top / this.#lineHeight) * this.#columns;
    return { keys: this.keys.slice(index, index + 100), index };
  }

  /**
   * Scrolls by as much as the list has changed above the visible part.
   * @param {{keys: string[], index: number}} anchor
   */
  #keepInPlace({ keys, index }) {
    const position = keys.findIndex((key) => this.#indices.has(key));
    if (position === -1) return;
    const before = Math.floor((index + position) / this.#columns);
    const after = Math.floor(this.indexOf(keys[position]) / this.#columns);
    if (after === before) return;
    // The height of the list has to change first, because the page cannot scroll beyond its end.
    const lines = Math.ceil(this.#items.length / this.#columns);
    this.#body.style.paddingBlock = `0 ${lines * this.#lineHeight}px`;
    scrollBy({ top: (after - before) * this.#lineHeight, behavior: "instant" });
  }

  /** @param {Map<string, number>} before */
  #highlight(before) {
    const fresh = this.#items.slice(0, 2 * MAX_HIGHLIGHTED).filter(({ key }) => !before.has(key));
    if (fresh.length > MAX_HIGHLIGHTED) return;
    this.#fresh = new Set(fresh.map(({ key }) => key));
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  #drawRows(from, to) {
    const visible = this.#items.slice(from, to);
    const focus = this.#selection.focus ?? this.#items[0]?.key;
    const free = this.#releaseRows(new Set(visible.map(({ key }) => key)));
    let next = this.#body.firstElementChild;
    for (const [offset, item] of visible.entries()) {
      let row = this.#rows.get(item.key);
      // Rows that stay keep their place, and those that are free are taken from in front of them.
      while (row && next && free.has(next)) next = next.nextElementSibling;
      row ??= this.#rowFor(item, free);
      row.draw(item, {
        place: this.#place,
        index: from + offset,
        isSelected: this.#selection.has(item.key),
        isFocus: item.key === focus,
      });
      if (row.element === next) next = next.nextElementSibling;
      else this.#body.insertBefore(row.element, next);
    }
    for (const element of free.keys()) element.remove();
    this.#fresh.clear();
    this.#grid.toggleAttribute("data-selecting", this.#selection.size > 0);
    // While the focused row is not drawn, Tab leads to the list itself.
    this.#body.tabIndex = focus !== undefined && this.#rows.has(focus) ? -1 : 0;
  }

  /**
   * @param {Set<string>} keys of the items that are drawn now
   * @returns {Map<Element, FileRow>} the rows of others, in the order in which they are in the document
   */
  #releaseRows(keys) {
    /** @type {Map<Element, FileRow>} */
    const free = new Map();
    const byElement = new Map([...this.#rows].map(([key, row]) => [row.element, { key, row }]));
    for (const element of this.#body.children) {
      const entry = byElement.get(/** @type {HTMLElement} */ (element));
      if (!entry || keys.has(entry.key)) continue;
      this.#rows.delete(entry.key);
      // The focus stays in the list, and the next arrow key scrolls back to where it was.
      if (element.contains(document.activeElement)) {
        this.#holdFocus();
      }
      free.set(element, entry.row);
    }
    return free;
  }

  #holdFocus() {
    this.#isHolding = true;
    this.#hasHeld = true;
    this.#body.tabIndex = 0;
    this.#body.focus({ preventScroll: true });
    this.#isHolding = false;
  }

  /** The Tab key has led to the list while the row that would get the focus is not drawn. */
  #entered() {
    const key = this.#selection.focus ?? this.#items[0]?.key;
    if (!this.#isHolding && key !== undefined && this.#body.matches(":focus-visible")) this.focus(key);
  }

  /**
   * Uses a row again that is no longer needed: adding and removing elements costs the browser more than all the rest.
   * @param {Item} item
   * @param {Map<Element, FileRow>} free
   */
  #rowFor(item, free) {
    const [[element, used] = []] = free;
    if (element) free.delete(element);
    const row = used ?? new FileRow(this.#template);
    this.#rows.set(item.key, row);
    row.element.toggleAttribute("data-fresh", this.#fresh.has(item.key));
    this.#pictures.unwatch(row.tile);
    this.#pictures.watch(item, row.tile);
    return row;
  }

  /** Moves the focus to where it belongs: after `focus`, and when the focused item is gone. */
  #placeFocus() {
    // An empty list is hidden, and loses the focus before it could be moved.
    const wasHeld = this.#hasHeld && document.activeElement === document.body;
    this.#hasHeld = false;
    const isLost = (wasHeld || document.activeElement === this.#body) && this.#toFocus === null;
    const key = this.#toFocus ?? (isLost ? this.#selection.focus : null);
    this.#toFocus = null;
    const row = key === null ? undefined : this.#rows.get(key);
    if (row) row.element.focus({ preventScroll: true });
    else if (isLost && this.#items.length === 0) focusHeading();
  }

  /** Measures the first row, which is like all others. */
  #measure() {
    if (this.#items.length === 0) return;
    if (this.#rows.size === 0) this.#drawRows(0, 1);
    const [{ element }] = this.#rows.values();
    const { rowGap, gridTemplateColumns } = getComputedStyle(this.#body);
    this.#lineHeight = Math.max(element.getBoundingClientRect().height + (Number.parseFloat(rowGap) || 0), 1);
    this.#columns = gridTemplateColumns === "none" ? 1 : gridTemplateColumns.split(" ").length;
    this.#isMeasured = true;
  }

  #drawTimes() {
    for (const row of this.#rows.values()) row.drawTime();
  }
}

function focusHeading() {
  byId("files-heading").focus({ preventScroll: true });
}
