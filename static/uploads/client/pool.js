import { isTemporary } from "./errors.js";

/** Requests that fail together are one sign of trouble, not many. */
const ONE_SIGN = 1_000;

/**
 * Runs a bounded number of requests at the same time, those of earlier files first. The bound adapts: trouble halves
 * it, a series of successes raises it by one. While the browser is offline nothing is started.
 */
export class Pool {
  #limit;
  #running = 0;
  #successes = 0;
  #lastTrouble = -Infinity;
  /** @type {{priority: number, start: () => void}[]} */
  #waiting = [];
  #connection;

  /**
   * @param {number} most how many requests at a time
   * @param {import("./connection.js").Connection} connection
   */
  constructor(most, connection) {
    this.most = most;
    this.#limit = most;
    this.#connection = connection;
    connection.addEventListener("change", () => this.#next());
  }

  /** How many requests at a time are allowed just now. */
  get limit() {
    return this.#limit;
  }

  /**
   * @template T
   * @param {number} priority lower goes first
   * @param {() => Promise<T>} task
   * @param {AbortSignal} signal while it waits; a running task has to end by itself
   * @returns {Promise<T>}
   */
  run(priority, task, signal) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const entry = {
        priority,
        start: () => {
          signal.removeEventListener("abort", leave);
          this.#start(task).then(resolve, reject);
        },
      };
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== entry);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#enqueue(entry);
    });
  }

  #enqueue(entry) {
    const index = this.#waiting.findIndex((other) => other.priority > entry.priority);
    this.#waiting.splice(index === -1 ? this.#waiting.length : index, 0, entry);
    this.#next();
  }

  #next() {
    while (this.#connection.online && this.#running < this.#limit && this.#waiting.length > 0) {
      this.#waiting.shift().start();
    }
  }

  async #start(task) {
    this.#running += 1;
    try {
      const result = await task();
      this.#succeeded();
      return result;
    } catch (error) {
      if (isTemporary(error)) this.#failed();
      throw error;
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  #succeeded() {
    this.#successes += 1;
    if (this.#successes >= this.#limit && this.#limit < this.most) {
      this.#limit += 1;
      this.#successes = 0;
    }
  }

  #failed() {
    const now = performance.now();
    this.#successes = 0;
    if (now - this.#lastTrouble > ONE_SIGN) {
      this.#lastTrouble = now;
      this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    }
  }
}
