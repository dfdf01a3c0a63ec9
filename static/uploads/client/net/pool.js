import { isTemporary } from "../errors.js";

/** @import { Connection } from "./connection.js" */
/** @typedef {{file: number, start: () => void}} WaitingTask */

/** Requests that fail together are one sign of trouble, not many. */
const ONE_SIGN = 1_000;

/**
 * Runs a bounded number of requests at the same time. A file with fewer requests under way goes first, so that a small
 * one does not wait for the end of a large one; of two with the same number the earlier. The bound adapts: trouble
 * halves it, a series of successes raises it by one. While the browser is offline nothing is started.
 */
export class Pool {
  #limit;
  #running = 0;
  #successes = 0;
  #lastTrouble = -Infinity;
  /** @type {WaitingTask[]} */
  #waiting = [];
  /** Requests under way by file. @type {Map<number, number>} */
  #share = new Map();
  #connection;

  /**
   * @param {number} most how many requests at a time
   * @param {Connection} connection
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

  /** Whether the next request would have to wait. */
  get isFull() {
    return !this.#connection.online || this.#running >= this.#limit;
  }

  /**
   * @template T
   * @param {number} file its place in the order of files
   * @param {() => Promise<T>} task
   * @param {AbortSignal} signal while it waits; a running task has to end by itself
   * @returns {Promise<T>}
   */
  run(file, task, signal) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      /** @type {WaitingTask} */
      const entry = {
        file,
        start: () => {
          signal.removeEventListener("abort", leave);
          this.#start(file, task).then(resolve, reject);
        },
      };
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== entry);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(entry);
      this.#next();
    });
  }

  #next() {
    while (!this.isFull && this.#waiting.length > 0) {
      const first = this.#waiting.reduce((best, entry) => (this.#goesBefore(entry, best) ? entry : best));
      this.#waiting.splice(this.#waiting.indexOf(first), 1);
      first.start();
    }
  }

  /**
   * @param {WaitingTask} one
   * @param {WaitingTask} other
   */
  #goesBefore(one, other) {
    const shares = (this.#share.get(one.file) ?? 0) - (this.#share.get(other.file) ?? 0);
    return shares < 0 || (shares === 0 && one.file < other.file);
  }

  /**
   * @param {number} file
   * @param {1|-1} count
   */
  #take(file, count) {
    const share = (this.#share.get(file) ?? 0) + count;
    this.#running += count;
    if (share > 0) {
      this.#share.set(file, share);
    } else {
      this.#share.delete(file);
    }
  }

  /**
   * @template T
   * @param {number} file
   * @param {() => Promise<T>} task
   */
  async #start(file, task) {
    this.#take(file, 1);
    try {
      const result = await task();
      this.#succeeded();
      return result;
    } catch (error) {
      if (isTemporary(error)) this.#failed();
      throw error;
    } finally {
      this.#take(file, -1);
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
