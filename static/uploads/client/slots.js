/** Slots that only small files may take. */
const RESERVED = 2;

/** Bounds how many uploads are worked on at the same time. */
export class Slots {
  #max;
  #taken = 0;

  /** @param {number} max */
  constructor(max) {
    this.#max = max;
  }

  /** How many slots are in use. */
  get taken() {
    return this.#taken;
  }

  /** @param {boolean} isSmall a small file does not wait until one of many large ones has ended */
  areFull(isSmall) {
    return this.#taken >= this.#max + (isSmall ? RESERVED : 0);
  }

  /** Takes a slot, even when all are in use. */
  take() {
    return new Slot((count) => {
      this.#taken += count;
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
