import { remedyOf, Stalled } from "../errors.js";
import { bytesInFlight, isSmall, MIN_LANES } from "./plan.js";

/** @import { Speed } from "./speed.js" */

/**
 * @typedef {object} Task what a request is about
 * @property {number} file its key; files with a lower key were added earlier
 * @property {number} size bytes
 * @property {AbortSignal} signal removes a waiting request; a running one has to observe its own
 */
/** @typedef {Task & {start: () => void}} WaitingTask */

/** Milliseconds within which several failures count as one. */
const FAILURE_WINDOW = 1_000;

/**
 * Runs a limited number of requests at the same time. The file with the fewest active requests goes first; in a tie,
 * the file that was added earlier. Large requests are limited to what the connection carries in about ten seconds, so
 * that little is lost when they are interrupted, and leave one lane to small ones, so that a photo does not wait for a
 * video. The limit adapts: a failure halves it, a series of successes raises it by one.
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
  /** Large requests, and their bytes. */
  #large = { count: 0, bytes: 0 };
  #speed;

  /**
   * @param {number} max requests at the same time
   * @param {Speed} speed
   */
  constructor(max, speed) {
    this.max = max;
    this.#limit = max;
    this.#speed = speed;
  }

  /** How many requests may currently run at the same time. */
  get limit() {
    return this.#limit;
  }

  /** How many of them may be large. */
  get lanes() {
    return Math.max(1, this.#limit - 1);
  }

  /**
   * @param {number} size bytes
   * @returns {boolean} whether a request of this size would start at once
   */
  hasRoom(size) {
    // A small request finds a lane even when failures have left only one.
    if (isSmall(size)) return this.#running < Math.max(this.#limit, Math.min(this.max, 2));
    if (this.#running >= this.#limit || this.#large.count >= this.lanes) return false;
    return this.#large.count < MIN_LANES || this.#large.bytes + size <= bytesInFlight(this.#speed.bytesPerSecond);
  }

  /**
   * @template T
   * @param {Task} task
   * @param {() => Promise<T>} request
   * @returns {Promise<T>}
   */
  run({ file, size, signal }, request) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      /** @type {WaitingTask} */
      const entry = {
        file,
        size,
        signal,
        start: () => {
          signal.removeEventListener("abort", leave);
          this.#start(entry, request).then(resolve, reject);
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
    for (let entry = this.#first(); entry; entry = this.#first()) {
      this.#waiting.splice(this.#waiting.indexOf(entry), 1);
      entry.start();
    }
  }

  /** @returns {WaitingTask|undefined} the next request, if there is room for it */
  #first() {
    /** @type {WaitingTask|undefined} */
    let first;
    for (const entry of this.#waiting) {
      if (this.hasRoom(entry.size) && (!first || this.#hasPriority(entry, first))) first = entry;
    }
    return first;
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
   * @param {Task} task
   * @param {1|-1} count
   */
  #count({ file, size }, count) {
    const active = (this.#active.get(file) ?? 0) + count;
    this.#running += count;
    if (!isSmall(size)) {
      this.#large.count += count;
      this.#large.bytes += count * size;
    }
    if (active > 0) {
      this.#active.set(file, active);
    } else {
      this.#active.delete(file);
    }
  }

  /**
   * @template T
   * @param {Task} task
   * @param {() => Promise<T>} request
   */
  async #start(task, request) {
    this.#count(task, 1);
    try {
      const result = await request();
      this.#succeeded();
      return result;
    } catch (error) {
      if (remedyOf(error) === "wait") this.#failed(error instanceof Stalled);
      throw error;
    } finally {
      this.#count(task, -1);
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

  /** @param {boolean} isStalled what is in flight is already too much; one large request may be enough */
  #failed(isStalled) {
    const now = performance.now();
    this.#successes = 0;
    if (now - this.#lastFailure > FAILURE_WINDOW) {
      this.#lastFailure = now;
      this.#limit = Math.max(1, isStalled ? Math.min(this.#limit, 2) : Math.floor(this.#limit / 2));
    }
  }
}
