import { ApiError } from "./errors.js";
import { MAX_IDS } from "./net/api.js";

/** @import { UploadStatus } from "./net/api.js" */

const FIRST_DELAY = 300;
const FEW = 20;
const LONGEST_DELAY = 3_000;
const PATIENT_DELAY = 7_000;
const LONGEST_BACKOFF = 30_000;
const HINT_AFTER = 8_000;
const SLOW_AFTER = 60_000;
/** Hints are work for the server; when it is behind with thousands, that many more would not help. */
const HINTS_AT_ONCE = 5;

/**
 * Asks the server what became of ids, with one request for all of them, until each one is settled. It never gives up:
 * an answer may take long, but it comes.
 */
export class Confirmations {
  /** @type {Map<string, {since: number, hinted: boolean, slow: boolean}>} */
  #waiting = new Map();
  #delay = FIRST_DELAY;
  #timer = 0;
  #due = 0;
  #asking = false;
  #settledAt = 0;
  #ask;
  #settle;
  #hint;
  #onSlow;
  #onSessionEnded;

  /**
   * @param {object} options
   * @param {(ids: string[]) => Promise<UploadStatus[]>} options.ask rejects with an ApiError when the server refuses or
   *   cannot be reached; any other error is a bug, and is not caught
   * @param {(id: string, status: UploadStatus|undefined) => boolean} options.settle is told each answer (undefined: the
   *   server does not know the id) and returns true when there is nothing more to wait for
   * @param {(id: string) => Promise<unknown>} [options.hint] called once for an id that takes several seconds
   * @param {(id: string) => void} [options.onSlow] called once for an id that takes more than a minute
   * @param {() => void} [options.onSessionEnded] called when the server wants a new login; asking stops
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
    this.#waiting.set(id, { since: Date.now(), hinted: false, slow: false });
    // A few are worth a quick look; with many the answers come in good time anyway.
    if (this.#waiting.size <= FEW) this.#delay = FIRST_DELAY;
    this.#schedule();
  }

  #schedule() {
    if (this.#waiting.size === 0 || this.#asking) return;
    const due = Date.now() + this.#delay;
    // Ids that keep joining must not put the question off again and again.
    if (this.#timer && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => this.#poll(), this.#delay);
  }

  async #poll() {
    this.#asking = true;
    this.#timer = 0;
    const delayBefore = this.#delay;
    let backoff = LONGEST_BACKOFF;
    try {
      await this.#askAboutAll();
      backoff = 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      backoff = this.#backoffAfter(error, delayBefore);
    } finally {
      this.#asking = false;
      this.#remind();
      if (backoff > 0) {
        this.#delay = backoff;
      } else if (this.#delay === delayBefore) {
        // Otherwise an id joined meanwhile, and deserves a quick first look.
        this.#delay = this.#allSlow() ? PATIENT_DELAY : Math.min(delayBefore * 1.5, LONGEST_DELAY);
      }
      this.#schedule();
    }
  }

  async #askAboutAll() {
    for (const ids of chunks([...this.#waiting.keys()], MAX_IDS)) {
      const answers = await this.#ask(ids);
      const byId = new Map(answers.map((answer) => [answer.id, answer]));
      for (const id of ids) {
        if (this.#settle(id, byId.get(id))) {
          this.#waiting.delete(id);
          this.#settledAt = Date.now();
        }
      }
    }
  }

  /**
   * @param {ApiError} error
   * @param {number} delayBefore milliseconds
   * @returns {number} milliseconds
   */
  #backoffAfter({ status, retryAfter }, delayBefore) {
    if (status === 401) {
      // The user may sign in again in another tab; until then there is no hurry.
      this.#onSessionEnded?.();
      return LONGEST_BACKOFF;
    }
    return Math.min(Math.max(delayBefore * 2, (retryAfter ?? 0) * 1_000, 2_000), LONGEST_BACKOFF);
  }

  #remind() {
    let hints = Date.now() - this.#settledAt > HINT_AFTER ? HINTS_AT_ONCE : 0;
    for (const [id, entry] of this.#waiting) {
      const age = Date.now() - entry.since;
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
      // Only a hint: the answer comes without it too.
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
