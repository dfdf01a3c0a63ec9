/**
 * Bounds how many uploads are worked on at the same time. Small files are counted apart, so that none of them waits until
 * one of many large ones has ended. They start several at a time, when only half of them are left, so that they can
 * share requests.
 */
export class Slots {
  #maxLarge;
  #maxSmall;
  #large = 0;
  #small = 0;
  #isFilling = true;

  /**
   * @param {number} maxLarge
   * @param {() => number} maxSmall
   */
  constructor(maxLarge, maxSmall) {
    this.#maxLarge = maxLarge;
    this.#maxSmall = maxSmall;
  }

  /** How many slots are in use. */
  get taken() {
    return this.#large + this.#small;
  }

  /** @param {boolean} isSmall */
  areFull(isSmall) {
    if (!isSmall) return this.#large >= this.#maxLarge;
    const max = this.#maxSmall();
    if (this.#small >= max) this.#isFilling = false;
    else if (this.#small <= max / 2) this.#isFilling = true;
    return !this.#isFilling;
  }

  /**
   * Takes a slot, even when all are in use.
   * @param {boolean} isSmall
   */
  take(isSmall) {
    return new Slot((count) => {
      if (isSmall) this.#small += count;
      else this.#large += count;
    });
  }
}

/** One upload's slot. Calling a method again, or after `free`, changes nothing. */
class Slot {
  /** @type {"held"|"yielded"|"freed"} */
  #state = "held";
  #add;

  /** @param {(count: 1|-1) => void} add */
  constructor(add) {
    this.#add = add;
    add(1);
  }

  /** Lets another upload go first. */
  yield() {
    if (this.#state !== "held") return;
    this.#state = "yielded";
    this.#add(-1);
  }

  /** Takes the slot back after `yield`, even when all are in use. */
  reclaim() {
    if (this.#state !== "yielded") return;
    this.#state = "held";
    this.#add(1);
  }

  /** The upload is done with it. */
  free() {
    if (this.#state === "held") this.#add(-1);
    this.#state = "freed";
  }
}
