/**
 * Which items of a list are selected, by their keys; and which has the focus. It knows no elements, so the list and the
 * bar of actions follow it. Emits `change` when the selection changes, and `focus` when the focus moves.
 *
 * A range with Shift goes from the anchor, the item that was chosen last without Shift, and replaces the range before;
 * what had been selected when the anchor was set stays.
 */
export class Selection extends EventTarget {
  /** @type {Set<string>} */
  #keys = new Set();
  /** What a range is added to. @type {Set<string>} */
  #base = new Set();
  /** @type {string|null} */
  #anchor = null;
  /** @type {string|null} */
  #focus = null;
  /** The keys of the list when it was seen last, in its order. @type {readonly string[]} */
  #order = [];
  #isGrowing = false;

  /** @param {string} key */
  has(key) {
    return this.#keys.has(key);
  }

  get size() {
    return this.#keys.size;
  }

  /** In the order in which they were selected. @returns {string[]} */
  get keys() {
    return [...this.#keys];
  }

  /** The item that has the focus, or would get it. @returns {string|null} */
  get focus() {
    return this.#focus;
  }

  /** Whether everything was selected, and the list has not loaded all of it so far. */
  get isGrowing() {
    return this.#isGrowing;
  }

  /**
   * @param {number} count of items that are loaded
   * @param {boolean} hasMore whether the list has more
   * @returns {boolean} whether all of a list is selected, or will be once it is loaded
   */
  hasAll(count, hasMore) {
    return this.#isGrowing || (count > 0 && this.size === count && !hasMore);
  }

  /**
   * Moves the focus without selecting anything; a range begins there if nothing was chosen before.
   * @param {string|null} key
   */
  focusOn(key) {
    if (this.#focus === key) return;
    this.#focus = key;
    this.dispatchEvent(new Event("focus"));
  }

  /**
   * Selects exactly these; the last one is the anchor and gets the focus.
   * @param {Iterable<string>} keys
   */
  set(keys) {
    const chosen = new Set(keys);
    const last = [...chosen].at(-1) ?? null;
    this.#pin(last, chosen);
    this.#replace(chosen);
  }

  /**
   * Adds an item, or removes it.
   * @param {string} key becomes the anchor
   */
  toggle(key) {
    const keys = new Set(this.#keys);
    if (!keys.delete(key)) keys.add(key);
    this.#pin(key, keys);
    this.#replace(keys);
  }

  /**
   * Selects from the anchor to an item, both included.
   * @param {string} key gets the focus
   * @param {readonly string[]} orderedKeys of the list
   */
  extendTo(key, orderedKeys) {
    const end = orderedKeys.indexOf(key);
    if (end === -1) return;
    this.#order = orderedKeys;
    let start = this.#anchor === null ? -1 : orderedKeys.indexOf(this.#anchor);
    if (start === -1) {
      // Nothing was chosen before: the range begins where the focus is.
      start = this.#focus === null ? end : orderedKeys.indexOf(this.#focus);
      if (start === -1) start = end;
      this.#pin(orderedKeys[start], this.#keys);
    }
    const range = orderedKeys.slice(Math.min(start, end), Math.max(start, end) + 1);
    this.focusOn(key);
    this.#isGrowing = false;
    this.#replace(new Set([...this.#base, ...range]));
  }

  /**
   * Selects the whole list, also what it has not loaded: as that comes, `keep` adds it.
   * @param {readonly string[]} orderedKeys those that are loaded
   * @param {boolean} [hasMore] whether the list has more
   */
  selectAll(orderedKeys, hasMore = false) {
    this.#order = orderedKeys;
    this.#anchor = null;
    this.#base = new Set();
    this.#isGrowing = hasMore;
    this.#replace(new Set(orderedKeys));
  }

  /** Selects nothing. The focus stays. */
  clear() {
    this.#anchor = null;
    this.#base = new Set();
    this.#isGrowing = false;
    this.#replace(new Set());
  }

  /**
   * The list has changed: drops what it has no more. If the focused item is gone, the one after it gets the focus, or
   * the one before. While the rest of a completely selected list is loaded, what comes at its end is selected. What
   * comes elsewhere is new, and nobody has selected it.
   * @param {readonly string[]} orderedKeys those that are loaded
   * @param {boolean} [hasMore] whether the list has more
   */
  keep(orderedKeys, hasMore = false) {
    const before = this.#order;
    const present = new Set(orderedKeys);
    this.#order = orderedKeys;
    const kept = [...this.#keys].filter((key) => present.has(key));
    const added = this.#isGrowing ? comingAfter(orderedKeys, new Set(before)) : [];
    this.#base = new Set([...this.#base].filter((key) => present.has(key)));
    if (this.#anchor !== null && !present.has(this.#anchor)) this.#anchor = null;
    if (this.#focus !== null && !present.has(this.#focus)) this.focusOn(neighbour(this.#focus, before, present));
    const hasGrown = this.#isGrowing && !hasMore;
    this.#isGrowing &&= hasMore;
    this.#replace(new Set([...kept, ...added]), hasGrown);
  }

  /**
   * @param {string|null} anchor
   * @param {Set<string>} base
   */
  #pin(anchor, base) {
    this.#anchor = anchor;
    this.#base = new Set(base);
    this.#isGrowing = false;
    if (anchor !== null) this.focusOn(anchor);
  }

  /**
   * @param {Set<string>} keys
   * @param {boolean} [isNews] whether something else has changed
   */
  #replace(keys, isNews = false) {
    const before = this.#keys;
    this.#keys = keys;
    const isSame = keys.size === before.size && [...keys].every((key) => before.has(key));
    if (!isSame || isNews) this.dispatchEvent(new Event("change"));
  }
}

/**
 * @param {readonly string[]} keys
 * @param {Set<string>} known
 * @returns {readonly string[]} those after the last known one
 */
function comingAfter(keys, known) {
  const last = keys.findLastIndex((key) => known.has(key));
  return keys.slice(last + 1);
}

/**
 * @param {string} key of an item that is gone
 * @param {readonly string[]} before the order when it was there
 * @param {Set<string>} present
 * @returns {string|null}
 */
function neighbour(key, before, present) {
  const index = before.indexOf(key);
  const after = before.slice(index + 1).find((other) => present.has(other));
  return after ?? before.slice(0, Math.max(index, 0)).findLast((other) => present.has(other)) ?? null;
}
