import { ApiError, Corrupted, codeOf, isCorrupted, isTemporary, StorageError } from "../errors.js";

/** @import { Connection } from "./connection.js" */
/** @typedef {"retry"|"rate_limited"|"offline"} WaitReason why a request is not sent again at once */

/** About two minutes of trouble. */
const ATTEMPTS = 14;
const SHORTEST = 300;
const LONGEST = 30_000;
/** Whatever the other side asks for, somebody is waiting here. */
const LONGEST_ASKED = 120_000;
/** Corruption is not cured by waiting; if it goes on, something between here and storage changes what passes. */
const CORRUPTED_ATTEMPTS = 4;
const EXPIRED_ATTEMPTS = 5;

/** Decides whether one request is tried again, and waits until then. */
export class Retry {
  #failures = 0;
  #corrupted = 0;
  #expired = 0;
  #connection;
  #signal;
  #onWait;

  /**
   * @param {Connection} connection
   * @param {AbortSignal} signal
   * @param {(reason: WaitReason|null) => void} [onWait] is told when waiting begins, and (null) when it ends
   */
  constructor(connection, signal, onWait = () => {}) {
    this.#connection = connection;
    this.#signal = signal;
    this.#onWait = onWait;
  }

  /**
   * @param {unknown} error why the last try failed
   * @returns {Promise<void>} when to try again; rejects when that makes no sense
   */
  async after(error) {
    this.#signal.throwIfAborted();
    if (error instanceof StorageError && error.expired) {
      this.#expired += 1;
      // A new signature is all it takes.
      if (this.#expired < EXPIRED_ATTEMPTS) return;
      throw error;
    }
    if (isCorrupted(error)) {
      this.#corrupted += 1;
      if (this.#corrupted < CORRUPTED_ATTEMPTS) return;
      throw new Corrupted();
    }
    if (!isTemporary(error)) throw error;
    if (this.#connection.online) {
      this.#failures += 1;
      if (this.#failures === ATTEMPTS) throw error;
    }
    // Full jitter: clients that failed together do not come back together.
    const backoff = Math.min(SHORTEST * 2 ** this.#failures, LONGEST);
    const asked = error instanceof ApiError ? (error.retryAfter ?? 0) * 1_000 : 0;
    const wait = Math.max(Math.random() * backoff, Math.min(asked, LONGEST_ASKED));
    this.#onWait(this.#reason(error));
    try {
      await this.#connection.pause(wait, this.#signal);
    } finally {
      this.#onWait(null);
    }
  }

  /**
   * @param {unknown} error
   * @returns {WaitReason}
   */
  #reason(error) {
    if (!this.#connection.online) return "offline";
    return codeOf(error) === "rate_limited" ? "rate_limited" : "retry";
  }

  /**
   * @template T
   * @param {() => Promise<T>} request
   * @returns {Promise<T>}
   */
  async run(request) {
    for (;;) {
      try {
        return await request();
      } catch (error) {
        await this.after(error);
      }
    }
  }
}
