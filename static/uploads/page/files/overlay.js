import { comparing } from "./order.js";

/** @import { Item, Sort } from "./types.js" */

/** Milliseconds after which the server's list is right, whatever it says: its indexes are behind for a moment. */
const LASTS = 30_000;

/** Changes that this page has made, and that the server's list may not show yet. */
export class Overlay {
  /** @type {Map<string, number>} */
  #removed = new Map();
  /** @type {Map<string, {item: Item, until: number}>} */
  #replaced = new Map();
  /** @type {Map<string, {item: Item, until: number}>} */
  #added = new Map();
  #now;

  /** @param {() => number} [now] milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  clear() {
    for (const changes of [this.#removed, this.#replaced, this.#added]) changes.clear();
  }

  /** @param {Iterable<string>} keys */
  remove(keys) {
    for (const key of keys) {
      this.#removed.set(key, this.#now() + LASTS);
      this.#added.delete(key);
    }
  }

  /** @param {Iterable<Item>} items that are in the list, or in it again */
  add(items) {
    for (const item of items) {
      this.#removed.delete(item.key);
      this.#added.set(item.key, { item, until: this.#now() + LASTS });
    }
  }

  /** @param {Item} item as it is now */
  replace(item) {
    const added = this.#added.get(item.key);
    if (added) added.item = item;
    this.#replaced.set(item.key, { item, until: this.#now() + LASTS });
  }

  /**
   * The server has listed these items: what it agrees with is no longer a difference.
   * @param {Iterable<Item>} items
   */
  settle(items) {
    for (const item of items) {
      this.#added.delete(item.key);
      const replaced = this.#replaced.get(item.key);
      if (replaced && isSame(replaced.item, item)) this.#replaced.delete(item.key);
    }
    this.#expire();
  }

  /**
   * @param {Item[]} items as the server lists them
   * @param {Sort} sort
   * @param {boolean} isComplete whether there are no more items after them
   * @returns {Item[]}
   */
  apply(items, sort, isComplete) {
    this.#expire();
    const kept = items
      .filter(({ key }) => !this.#removed.has(key))
      .map((item) => this.#replaced.get(item.key)?.item ?? item);
    return this.#added.size > 0 ? this.#withAdded(kept, sort, isComplete) : kept;
  }

  /**
   * @param {Item[]} items
   * @param {Sort} sort
   * @param {boolean} isComplete
   */
  #withAdded(items, sort, isComplete) {
    const known = new Set(items.map(({ key }) => key));
    const compare = comparing(sort);
    const added = [...this.#added.values()].map(({ item }) => item).filter(({ key }) => !known.has(key));
    added.sort(compare);
    /** @type {Item[]} */
    const merged = [];
    for (const item of items) {
      while (added.length > 0 && compare(added[0], item) < 0) merged.push(/** @type {Item} */ (added.shift()));
      merged.push(item);
    }
    // What comes after the last loaded item belongs to a page that was not read yet.
    return isComplete ? [...merged, ...added] : merged;
  }

  #expire() {
    const now = this.#now();
    for (const [key, until] of this.#removed) if (until <= now) this.#removed.delete(key);
    for (const changes of [this.#replaced, this.#added]) {
      for (const [key, { until }] of changes) if (until <= now) changes.delete(key);
    }
  }
}

/**
 * @param {Item} one
 * @param {Item} other
 */
function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
