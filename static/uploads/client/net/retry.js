import { ApiError, Corrupted, codeOf, isResponse, remedyOf, Stalled } from "../errors.js";

/** @import { Connection } from "./connection.js" */
/** @typedef {"retry"|"rate_limited"|"offline"|"signed_out"} WaitReason why a request is not repeated at once */

/** Enough for about two minutes. */
const MAX_ATTEMPTS = 14;
/** Each takes minutes, so fewer are enough. */
const MAX_STALLED_ATTEMPTS = 4;
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
  #stalled = 0;
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
    switch (remedyOf(error)) {
      case "sign again":
        this.#expired += 1;
        if (this.#expired >= MAX_EXPIRED_ATTEMPTS) throw error;
        // A new signature is enough, unless the server still has the old credentials.
        return this.#expired > 1 ? this.#wait(error, this.#expired) : undefined;
      case "read again":
        this.#corrupted += 1;
        if (this.#corrupted >= MAX_CORRUPTED_ATTEMPTS) throw new Corrupted();
        return undefined;
      case "wait":
        this.#count(error);
        return this.#wait(error, this.#failures);
      case "sign in":
        return this.#waitAs("signed_out", () => this.#connection.waitForSignIn(this.#signal));
      default:
        throw error;
    }
  }

  /** @param {unknown} error */
  #count(error) {
    if (error instanceof Stalled) {
      this.#stalled += 1;
      if (this.#stalled >= MAX_STALLED_ATTEMPTS) throw error;
    }
    // Without a connection it waits as long as it takes.
    if (!this.#connection.online && !isResponse(error)) return;
    this.#failures += 1;
    if (this.#failures >= MAX_ATTEMPTS) throw error;
  }

  /**
   * @param {unknown} error
   * @param {number} failures
   */
  async #wait(error, failures) {
    // Full jitter, so that clients that failed together do not retry together.
    const backoff = this.#connection.online ? Math.min(MIN_BACKOFF * 2 ** failures, MAX_BACKOFF) : MAX_BACKOFF;
    const retryAfter = error instanceof ApiError ? (error.retryAfter ?? 0) * 1_000 : 0;
    const wait = Math.max(Math.random() * backoff, Math.min(retryAfter, MAX_RETRY_AFTER));
    await this.#waitAs(this.#reason(error), () => this.#connection.wait(wait, this.#signal));
  }

  /**
   * @param {WaitReason} reason
   * @param {() => Promise<void>} wait
   */
  async #waitAs(reason, wait) {
    this.#onWait(reason);
    try {
      await wait();
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
        const result = await request();
        this.#connection.prove();
        return result;
      } catch (error) {
        if (isResponse(error)) this.#connection.prove();
        await this.after(error);
      }
    }
  }
}
