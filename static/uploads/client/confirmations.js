import { ApiError, isSignedOut } from "./errors.js";
import { MAX_IDS } from "./net/api.js";

/** @import { UploadStatus } from "./net/api.js" */

// Milliseconds. Most files are confirmed within a second, and others take as long as the queue is.
const FIRST_DELAY = 200;
const MAX_DELAY = 3_000;
/** By how much the delay grows with each poll. */
const GROWTH = 1.4;
const FEW = 20;
/** One in so many polls asks about all ids. */
const THOROUGH = 2;
const SLOW_DELAY = 7_000;
const MAX_BACKOFF = 30_000;
const HINT_AFTER = 8_000;
const SLOW_AFTER = 60_000;
/** Hints cost the server work: when it is behind with thousands of uploads, thousands of hints would not help. */
const HINTS_AT_ONCE = 5;

/**
 * Polls the server for the status of many ids, with one request for all of them, until each is settled. It never gives
 * up: a response may take a long time, but it comes.
 */
export class Confirmations {
  /** @type {Map<string, {since: number, hinted: boolean, slow: boolean}>} */
  #waiting = new Map();
  #delay = FIRST_DELAY;
  #timer = 0;
  #due = 0;
  #polling = false;
  #settledAt = 0;
  #polls = 0;
  #ask;
  #settle;
  #hint;
  #onSlow;
  #onSessionEnded;

  /**
   * @param {object} options
   * @param {(ids: string[]) => Promise<UploadStatus[]>} options.ask rejects with an ApiError when the server refuses or
   *   cannot be reached; any other error is a bug, and is not caught
   * @param {(id: string, status: UploadStatus|undefined) => boolean} options.settle receives each status (undefined if
   *   the server does not know the id) and returns true when there is nothing more to wait for
   * @param {(id: string) => Promise<unknown>} [options.hint] called once for an id that takes several seconds
   * @param {(id: string) => void} [options.onSlow] called once for an id that takes more than a minute
   * @param {() => void} [options.onSessionEnded] called when the server requires a new login; polling slows down
   */
  constructor({ ask, settle, hint, onSlow, onSessionEnded }) {
    this.#ask = ask;
    this.#settle = settle;
    this.#hint = hint;
    this.#onSlow = onSlow;
    this.#onSessionEnded = onSessionEnded;
  }

  /** @param {string} id */
  add(id) {
    this.#waiting.set(id, { since: performance.now(), hinted: false, slow: false });
    // Few ids are polled quickly; with many, responses arrive continuously anyway.
    if (this.#waiting.size <= FEW) this.#delay = FIRST_DELAY;
    this.#schedule();
  }

  /** Polls soon, whatever the last response was. */
  tryNow() {
    this.#delay = FIRST_DELAY;
    this.#schedule();
  }

  #schedule() {
    if (this.#waiting.size === 0 || this.#polling) return;
    const due = performance.now() + this.#delay;
    // A steady stream of new ids must not postpone the poll.
    if (this.#timer && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => this.#poll(), this.#delay);
  }

  async #poll() {
    this.#polling = true;
    this.#timer = 0;
    const delayBefore = this.#delay;
    let backoff = MAX_BACKOFF;
    try {
      await this.#pollAll();
      backoff = 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      backoff = this.#backoffAfter(error, delayBefore);
    } finally {
      this.#polling = false;
      this.#checkAges();
      if (backoff > 0) {
        this.#delay = backoff;
      } else if (this.#delay === delayBefore) {
        // Otherwise an id was added in the meantime, and its quick first poll is already due.
        this.#delay = this.#allSlow() ? SLOW_DELAY : Math.min(delayBefore * GROWTH, MAX_DELAY);
      }
      this.#schedule();
    }
  }

  /**
   * Files are confirmed roughly in the order in which they arrived. So after a response in which nothing is settled, the
   * later ones are asked about only in every second poll, in case the earlier ones never settle.
   */
  async #pollAll() {
    this.#polls += 1;
    const isThorough = this.#polls % THOROUGH === 0;
    for (const ids of chunks([...this.#waiting.keys()], MAX_IDS)) {
      if (!(await this.#pollSome(ids)) && !isThorough) return;
    }
  }

  /**
   * @param {string[]} ids
   * @returns {Promise<boolean>} whether any of them is settled
   */
  async #pollSome(ids) {
    const statuses = await this.#ask(ids);
    const byId = new Map(statuses.map((status) => [status.id, status]));
    const settled = ids.filter((id) => this.#settle(id, byId.get(id)));
    for (const id of settled) this.#waiting.delete(id);
    if (settled.length > 0) this.#settledAt = performance.now();
    return settled.length > 0;
  }

  /**
   * @param {ApiError} error
   * @param {number} delayBefore milliseconds
   * @returns {number} milliseconds
   */
  #backoffAfter(error, delayBefore) {
    if (isSignedOut(error)) {
      // The user may sign in again in another tab.
      this.#onSessionEnded?.();
      return MAX_BACKOFF;
    }
    return Math.min(Math.max(delayBefore * 2, (error.retryAfter ?? 0) * 1_000, 2_000), MAX_BACKOFF);
  }

  #checkAges() {
    let hints = performance.now() - this.#settledAt > HINT_AFTER ? HINTS_AT_ONCE : 0;
    for (const [id, entry] of this.#waiting) {
      const age = performance.now() - entry.since;
      if (this.#hint && hints > 0 && age > HINT_AFTER && !entry.hinted) {
        hints -= 1;
        entry.hinted = true;
        this.#sendHint(id);
      }
      if (age > SLOW_AFTER && !entry.slow) {
        entry.slow = true;
        this.#onSlow?.(id);
      }
    }
  }

  /** @param {string} id */
  async #sendHint(id) {
    try {
      await this.#hint?.(id);
    } catch (error) {
      // The response comes even without the hint.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  #allSlow() {
    return [...this.#waiting.values()].every((entry) => entry.slow);
  }
}

/**
 * @template T
 * @param {T[]} items
 * @param {number} size
 * @returns {T[][]}
 */
function chunks(items, size) {
  const result = [];
  for (let start = 0; start < items.length; start += size) {
    result.push(items.slice(start, start + size));
  }
  return result;
}
