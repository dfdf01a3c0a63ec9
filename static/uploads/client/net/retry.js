import { ApiError, Corrupted, codeOf, isCorrupted, isTemporary, StorageError } from "../errors.js";

/** @import { Connection } from "./connection.js" */
/** @typedef {"retry"|"rate_limited"|"offline"} WaitReason why a request is not repeated at once */

/** Enough for about two minutes. */
const MAX_ATTEMPTS = 14;
const MIN_BACKOFF = 300;
const MAX_BACKOFF = 30_000;
/** A longer Retry-After is ignored, because a person is waiting. */
const MAX_RETRY_AFTER = 120_000;
/** Waiting does not help against damaged bytes: if it happens repeatedly, something on the way changes them. */
const MAX_CORRUPTED_ATTEMPTS = 4;
const MAX_EXPIRED_ATTEMPTS = 5;

/** Decides whether a request is repeated, and waits until then. */
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
   * @param {(reason: WaitReason|null) => void} [onWait] called when a wait begins and, with null, when it ends
   */
  constructor(connection, signal, onWait = () => {}) {
    this.#connection = connection;
    this.#signal = signal;
    this.#onWait = onWait;
  }

  /**
   * @param {unknown} error why the last attempt failed
   * @returns {Promise<void>} resolves when it is time to try again; rejects with the error if retrying is pointless
   */
  async after(error) {
    this.#signal.throwIfAborted();
    if (error instanceof StorageError && error.expired) {
      this.#expired += 1;
      // A new signature is enough.
      if (this.#expired < MAX_EXPIRED_ATTEMPTS) return;
      throw error;
    }
    if (isCorrupted(error)) {
      this.#corrupted += 1;
      if (this.#corrupted < MAX_CORRUPTED_ATTEMPTS) return;
      throw new Corrupted();
    }
    if (!isTemporary(error)) throw error;
    if (this.#connection.online) {
      this.#failures += 1;
      if (this.#failures === MAX_ATTEMPTS) throw error;
    }
    // Full jitter, so that clients that failed together do not retry together.
    const backoff = Math.min(MIN_BACKOFF * 2 ** this.#failures, MAX_BACKOFF);
    const retryAfter = error instanceof ApiError ? (error.retryAfter ?? 0) * 1_000 : 0;
    const wait = Math.max(Math.random() * backoff, Math.min(retryAfter, MAX_RETRY_AFTER));
    this.#onWait(this.#reason(error));
    try {
      await this.#connection.wait(wait, this.#signal);
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
