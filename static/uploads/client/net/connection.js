import { LONGEST_TIMER } from "../waiting.js";

/**
 * Whether there is a connection; emits `change`. And whether the server still accepts the user's session; emits
 * `signedout`.
 *
 * The browser's own answer is only a hint: virtual machines and VPNs make it wrong in both directions. So requests are
 * tried in any case, and one that is answered proves the connection.
 */
export class Connection extends EventTarget {
  #isProven = false;
  /** Whether the server requires a new sign-in. */
  isSignedOut = false;

  constructor() {
    super();
    for (const type of ["online", "offline"]) {
      globalThis.addEventListener(type, () => {
        this.#isProven = false;
        this.#change();
      });
    }
  }

  get online() {
    return navigator.onLine || this.#isProven;
  }

  /** A server has answered. */
  prove() {
    if (this.online) return;
    this.#isProven = true;
    this.#change();
  }

  /** The server has refused a request for want of a session. */
  signOut() {
    if (this.isSignedOut) return;
    this.isSignedOut = true;
    this.dispatchEvent(new Event("signedout"));
  }

  /**
   * Waits for a new sign-in, which only the page can notice: until `tryNow`.
   * @param {AbortSignal} signal
   * @returns {Promise<void>} rejects with the signal's reason
   */
  waitForSignIn(signal) {
    this.signOut();
    return this.wait(LONGEST_TIMER, signal);
  }

  /** Ends all waits now. */
  tryNow() {
    this.isSignedOut = false;
    this.dispatchEvent(new Event("try"));
  }

  /**
   * Waits for some time, until the connection comes back, or until `tryNow`.
   * @param {number} milliseconds
   * @param {AbortSignal} signal
   * @returns {Promise<void>} rejects with the signal's reason
   */
  wait(milliseconds, signal) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const listening = new AbortController();
      /** @param {() => void} settle */
      const end = (settle) => {
        clearTimeout(timer);
        listening.abort();
        settle();
      };
      const timer = setTimeout(() => end(resolve), milliseconds);
      this.addEventListener("change", () => this.online && end(resolve), listening);
      this.addEventListener("try", () => end(resolve), listening);
      signal.addEventListener("abort", () => end(() => reject(signal.reason)), listening);
    });
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}
