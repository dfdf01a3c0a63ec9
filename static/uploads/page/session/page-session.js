import { timeoutSignal } from "../../client/index.js";

/** @typedef {"active"|"ended"|"another_user"} State */
/** @typedef {{user: string|null, csrf_token: string}} ServerState the server's session, as uploads/web/session.py says */

/** Milliseconds between two questions whether the user has signed in again, while the page is visible. */
const CHECK_INTERVAL = 4_000;
/** Milliseconds; a refusal that comes so soon may be that of an earlier request, so nothing is said yet. */
const TOO_SOON = 10_000;
/** Milliseconds for the whole response. */
const TIMEOUT = 15_000;

/**
 * The session of the user that this page belongs to. It notices by itself when the user signs in again, here or in
 * another tab. Emits `change` when `state` changes, and `renewed` when the session is back.
 */
export class PageSession extends EventTarget {
  /** @type {State} */
  state = "active";
  csrfToken = "";
  #url;
  #user;
  #timer = 0;
  #isLost = false;
  #checking = false;
  #renewedAt = -Infinity;

  /**
   * @param {string} url of the server's session
   * @param {string} user the id of the page's user
   */
  constructor(url, user) {
    super();
    this.#url = url;
    this.#user = user;
    document.addEventListener("visibilitychange", () => this.#checkIfLost());
    addEventListener("focus", () => this.#checkIfLost());
  }

  /** The server has refused a request for want of a session, or of its CSRF token. */
  lost() {
    if (this.#isLost) return;
    this.#isLost = true;
    // The user may have signed in again in another tab already.
    if (performance.now() - this.#renewedAt < TOO_SOON) this.#checkLater();
    else this.#check();
  }

  /**
   * Asks the server for its session.
   * @returns {Promise<ServerState|null>} null if it cannot be reached
   */
  async fetch() {
    try {
      const headers = { Accept: "application/json" };
      const signal = timeoutSignal(TIMEOUT);
      const response = await fetch(this.#url, { credentials: "same-origin", cache: "no-store", headers, signal });
      return response.ok ? await response.json() : null;
    } catch {
      return null;
    }
  }

  /**
   * Applies what the server has said about its session.
   * @param {ServerState|null} server
   */
  apply(server) {
    if (server?.user === this.#user) {
      this.#renew(server.csrf_token);
    } else if (server) {
      this.#enter(server.user === null ? "ended" : "another_user");
    } else if (this.state === "active") {
      this.#enter("ended");
    }
    if (this.#isLost) this.#checkLater();
  }

  /** @param {string} csrfToken */
  #renew(csrfToken) {
    clearTimeout(this.#timer);
    this.#isLost = false;
    this.csrfToken = csrfToken;
    this.#renewedAt = performance.now();
    this.#enter("active");
    this.dispatchEvent(new Event("renewed"));
  }

  async #check() {
    clearTimeout(this.#timer);
    this.#checking = true;
    const server = await this.fetch();
    this.#checking = false;
    this.apply(server);
  }

  #checkLater() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#checkIfLost(), CHECK_INTERVAL);
  }

  /** A hidden page waits until it is visible again. */
  #checkIfLost() {
    if (!this.#isLost || this.#checking) return;
    if (document.visibilityState === "hidden") this.#checkLater();
    else this.#check();
  }

  /** @param {State} state */
  #enter(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
