/**
 * Gathers what is asked for at the same moment into one call.
 * @template Item, Result
 */
export class Batch {
  /** @type {{item: Item, resolve: (result: Result) => void, reject: (error: unknown) => void}[]} */
  #pending = [];
  #call;
  #most;

  /**
   * @param {(items: Item[]) => Promise<Result[]>} call answers in the order of the items
   * @param {number} most items per call
   */
  constructor(call, most) {
    this.#call = call;
    this.#most = most;
  }

  /**
   * @param {Item} item
   * @param {AbortSignal} [signal] ends the waiting at once; the call itself goes on for the others
   * @returns {Promise<Result>} rejects with the signal's reason
   */
  ask(item, signal) {
    let leave;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      leave = () => reject(signal.reason);
      signal?.addEventListener("abort", leave);
      this.#pending.push({ item, resolve, reject });
      // A task and not a microtask: whatever became ready in this turn of the loop goes along.
      if (this.#pending.length === 1) setTimeout(() => this.#flush());
    }).finally(() => signal?.removeEventListener("abort", leave));
  }

  #flush() {
    while (this.#pending.length > 0) {
      this.#send(this.#pending.splice(0, this.#most));
    }
  }

  async #send(asked) {
    try {
      const results = await this.#call(asked.map(({ item }) => item));
      asked.forEach(({ resolve }, index) => resolve(results[index]));
    } catch (error) {
      asked.forEach(({ reject }) => reject(error));
    }
  }
}
