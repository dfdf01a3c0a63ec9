import { isTemporary } from "../errors.js";

/** @import { Connection } from "./connection.js" */
/** @typedef {{file: number, start: () => void}} WaitingTask */

/** Milliseconds within which several failures count as one. */
const FAILURE_WINDOW = 1_000;

/**
 * Runs a limited number of requests at the same time. The file with the fewest active requests goes first, so that a
 * small file does not wait for a large one to finish; in a tie, the file that was added earlier. The limit adapts:
 * a failure halves it, a series of successes raises it by one. While the browser is offline, no request starts.
 */
export class Pool {
  #limit;
  #running = 0;
  #successes = 0;
  #lastFailure = -Infinity;
  /** @type {WaitingTask[]} */
  #waiting = [];
  /** Active requests by file. @type {Map<number, number>} */
  #active = new Map();
  #connection;

  /**
   * @param {number} max requests at the same time
   * @param {Connection} connection
   */
  constructor(max, connection) {
    this.max = max;
    this.#limit = max;
    this.#connection = connection;
    connection.addEventListener("change", () => this.#next());
  }

  /** How many requests may currently run at the same time. */
  get limit() {
    return this.#limit;
  }

  /** Whether the next request would have to wait. */
  get isFull() {
    return !this.#connection.online || this.#running >= this.#limit;
  }

  /**
   * @template T
   * @param {number} file its key; files with a lower key were added earlier
   * @param {() => Promise<T>} task
   * @param {AbortSignal} signal removes a waiting task; a running task has to observe it itself
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
      const first = this.#waiting.reduce((best, entry) => (this.#hasPriority(entry, best) ? entry : best));
      this.#waiting.splice(this.#waiting.indexOf(first), 1);
      first.start();
    }
  }

  /**
   * @param {WaitingTask} one
   * @param {WaitingTask} other
   */
  #hasPriority(one, other) {
    const difference = (this.#active.get(one.file) ?? 0) - (this.#active.get(other.file) ?? 0);
    return difference < 0 || (difference === 0 && one.file < other.file);
  }

  /**
   * @param {number} file
   * @param {1|-1} count
   */
  #count(file, count) {
    const active = (this.#active.get(file) ?? 0) + count;
    this.#running += count;
    if (active > 0) {
      this.#active.set(file, active);
    } else {
      this.#active.delete(file);
    }
  }

  /**
   * @template T
   * @param {number} file
   * @param {() => Promise<T>} task
   */
  async #start(file, task) {
    this.#count(file, 1);
    try {
      const result = await task();
      this.#succeeded();
      return result;
    } catch (error) {
      if (isTemporary(error)) this.#failed();
      throw error;
    } finally {
      this.#count(file, -1);
      this.#next();
    }
  }

  #succeeded() {
    this.#successes += 1;
    if (this.#successes >= this.#limit && this.#limit < this.max) {
      this.#limit += 1;
      this.#successes = 0;
    }
  }

  #failed() {
    const now = performance.now();
    this.#successes = 0;
    if (now - this.#lastFailure > FAILURE_WINDOW) {
      this.#lastFailure = now;
      this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    }
  }
}
