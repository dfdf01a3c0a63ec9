/**
 * @template Item, Result
 * @typedef {object} Pending
 * @property {Item} item
 * @property {(result: Result) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/**
 * Combines items that are submitted at the same time into one call.
 * @template Item, Result
 */
export class Batch {
  /** @type {Pending<Item, Result>[]} */
  #pending = [];
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
   * @param {AbortSignal} [signal] stops waiting at once; the call continues for the other items
   * @returns {Promise<Result>} rejects with the signal's reason
   */
  submit(item, signal) {
    const listening = new AbortController();
    /** @type {Promise<Result>} */
    const result = new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", () => reject(signal.reason), { signal: listening.signal });
      this.#pending.push({ item, resolve, reject });
      // A task instead of a microtask, so that everything submitted in this turn of the event loop is included.
      if (this.#pending.length === 1) setTimeout(() => this.#flush());
    });
    return result.finally(() => listening.abort());
  }

  #flush() {
    while (this.#pending.length > 0) {
      this.#send(this.#pending.splice(0, this.#maxItems));
    }
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
