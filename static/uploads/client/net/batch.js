/**
 * @template Item, Result
 * @typedef {object} Pending
 * @property {Item} item
 * @property {(result: Result) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/**
 * Combines items that are submitted at about the same time into one call.
 * @template Item, Result
 */
export class Batch {
  /** @type {Pending<Item, Result>[]} */
  #pending = [];
  #timer = 0;
  #due = Infinity;
  #call;
  #maxItems;

  /**
   * @param {(items: Item[]) => Promise<Result[]>} call returns results in the order of the items
   * @param {number} maxItems items per call
   */
  constructor(call, maxItems) {
    this.#call = call;
    this.#maxItems = maxItems;
  }

  /**
   * @param {Item} item
   * @param {object} [options]
   * @param {AbortSignal} [options.signal] stops waiting at once; the call continues for the other items
   * @param {number} [options.delay] milliseconds for which the item may wait for others
   * @returns {Promise<Result>} rejects with the signal's reason
   */
  submit(item, { signal, delay = 0 } = {}) {
    const listening = new AbortController();
    /** @type {Promise<Result>} */
    const result = new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", () => reject(signal.reason), { signal: listening.signal });
      this.#pending.push({ item, resolve, reject });
      this.#flushIn(delay);
    });
    return signal ? result.finally(() => listening.abort()) : result;
  }

  /** Calls now for everything that waits. */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    while (this.#pending.length > 0) {
      this.#send(this.#pending.splice(0, this.#maxItems));
    }
  }

  /**
   * In a task instead of a microtask, so that everything submitted in this turn of the event loop is included.
   * @param {number} delay milliseconds
   */
  #flushIn(delay) {
    const due = performance.now() + delay;
    if (this.#timer && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => this.flush(), delay);
  }

  /** @param {Pending<Item, Result>[]} batch */
  async #send(batch) {
    try {
      const results = await this.#call(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index]);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
