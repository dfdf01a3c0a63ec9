/**
 * @template Item, Result
 * @typedef {object} Question
 * @property {Item} item
 * @property {(result: Result) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/**
 * Gathers what is asked for at the same moment into one call.
 * @template Item, Result
 */
export class Batch {
  /** @type {Question<Item, Result>[]} */
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
    const listening = new AbortController();
    /** @type {Promise<Result>} */
    const answer = new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", () => reject(signal.reason), { signal: listening.signal });
      this.#pending.push({ item, resolve, reject });
      // A task and not a microtask: whatever became ready in this turn of the loop goes along.
      if (this.#pending.length === 1) setTimeout(() => this.#flush());
    });
    return answer.finally(() => listening.abort());
  }

  #flush() {
    while (this.#pending.length > 0) {
      this.#send(this.#pending.splice(0, this.#most));
    }
  }

  /** @param {Question<Item, Result>[]} questions */
  async #send(questions) {
    try {
      const results = await this.#call(questions.map(({ item }) => item));
      for (const [index, { resolve }] of questions.entries()) resolve(results[index]);
    } catch (error) {
      for (const { reject } of questions) reject(error);
    }
  }
}
