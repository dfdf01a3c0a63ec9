import { explain } from "../text/messages.js";
import { byId, findAll } from "../ui/elements.js";
import { focusRow, idOf } from "./file-row.js";

/**
 * @typedef {{code: string, message?: string}} Problem
 * @typedef {object} Callbacks
 * @property {(isWhole: boolean) => void} onSwap the list, or a part of it, was replaced
 * @property {(problem: Problem, retry: () => void) => void} onFailed the list is unchanged
 * @property {() => void} onSessionEnded
 */

/** What a response means that has no code, because it comes from a proxy. @type {Record<number, string>} */
const CODES = { 401: "session_ended", 429: "rate_limited", 502: "unavailable", 503: "unavailable", 504: "unavailable" };

/** Why htmx has no response. @type {Record<string, string>} */
const FAILURES = { "htmx:sendError": "network", "htmx:timeout": "timeout" };

/** What htmx would log as an error: the page explains failures, and a newer search aborts an older one. */
const EXPECTED = new Set(["htmx:afterRequest", "htmx:responseError", "htmx:sendAbort", ...Object.keys(FAILURES)]);

/** @typedef {{logger: (element: Element, name: string, detail: {error?: string}) => void}} Htmx */

/**
 * The requests that htmx sends for the list: searches, and more rows. Keeps the focus in the list, and reports what
 * failed.
 */
export class ListRequests {
  #list;
  #search;
  #callbacks;
  /** The rows before more of them are loaded, if the focus has to move. @type {Set<string>|null} */
  #knownIds = null;

  /**
   * @param {HTMLElement} list
   * @param {HTMLInputElement} search
   * @param {Record<string, string>} headers sent with each request
   * @param {Callbacks} callbacks
   */
  constructor(list, search, headers, callbacks) {
    this.#list = list;
    this.#search = search;
    this.#callbacks = callbacks;
    const { htmx } = /** @type {{htmx?: Htmx}} */ (globalThis);
    // Called before htmx logs the error of an event.
    if (htmx) {
      htmx.logger = (_element, name, detail) => {
        if (EXPECTED.has(name)) delete detail.error;
      };
    }
    list.addEventListener("htmx:afterSwap", ({ target }) => this.#swapped(target === list));
    document.addEventListener("htmx:configRequest", (event) => {
      const { detail } = /** @type {CustomEvent} */ (event);
      Object.assign(detail.headers, headers);
      // An empty search must not appear in the address bar.
      if (detail.parameters.q === "") delete detail.parameters.q;
    });
    document.addEventListener("htmx:beforeSwap", (event) => this.#beforeSwap(/** @type {CustomEvent} */ (event)));
    for (const type of ["htmx:responseError", ...Object.keys(FAILURES)]) {
      document.addEventListener(type, (event) => this.#failed(/** @type {CustomEvent} */ (event)));
    }
  }

  /** The user has signed in again, so that what the list says about the session is no longer true. */
  signedIn() {
    this.#list.querySelector("[data-more] [role=alert]")?.remove();
  }

  /** @param {CustomEvent} event */
  #beforeSwap(event) {
    const { xhr, requestConfig, target } = event.detail;
    const requestedPath = new URL(requestConfig.path, location.href).pathname;
    // Without a session the server redirects to the login page.
    if (xhr.responseURL && new URL(xhr.responseURL).pathname !== requestedPath) {
      event.preventDefault();
      this.#report({ code: "session_ended" }, requestConfig.elt);
      return;
    }
    // The element that is about to be removed has the focus; Safari does not focus links that are clicked.
    const { activeElement } = document;
    const losesFocus = activeElement === document.body || target.contains(activeElement);
    this.#knownIds = target !== this.#list && losesFocus ? new Set(this.#rows().map(idOf)) : null;
  }

  /** @param {boolean} isWhole */
  #swapped(isWhole) {
    const known = this.#knownIds;
    this.#knownIds = null;
    this.#callbacks.onSwap(isWhole);
    if (!known) return;
    const rows = this.#rows();
    const row = rows.find((candidate) => !known.has(idOf(candidate))) ?? rows.at(-1);
    if (row) focusRow(row);
    else byId("files-heading").focus();
  }

  /** @param {CustomEvent} event */
  #failed({ type, detail: { xhr, elt } }) {
    this.#report(FAILURES[type] ? { code: FAILURES[type] } : problemOf(xhr), elt);
  }

  /**
   * @param {Problem} problem
   * @param {HTMLElement} element that sent the request
   */
  #report(problem, element) {
    if (problem.code === "session_ended" || problem.code === "not_authenticated") this.#callbacks.onSessionEnded();
    const more = element.closest("[data-more]");
    if (more) {
      explainIn(more, problem);
    } else {
      this.#callbacks.onFailed(problem, () => this.#retry(element));
    }
  }

  /** @param {HTMLElement} element */
  #retry(element) {
    if (this.#list.contains(element)) element.click();
    else this.#search.dispatchEvent(new Event("search", { bubbles: true }));
  }

  #rows() {
    return findAll(this.#list, "[data-file-row]");
  }
}

/**
 * Explains a failure next to the button, which tries again. The search box may be far above.
 * @param {Element} more
 * @param {Problem} problem
 */
function explainIn(more, problem) {
  more.querySelector("[role=alert]")?.remove();
  const element = document.createElement("p");
  element.className = "files-more-problem";
  element.setAttribute("role", "alert");
  element.textContent = explain(problem);
  more.append(element);
}

/**
 * @param {XMLHttpRequest} xhr
 * @returns {Problem}
 */
function problemOf({ status, responseText }) {
  /** @type {{code?: unknown, error?: unknown}|null} */
  let body = null;
  try {
    body = JSON.parse(responseText);
  } catch {
    // A proxy in front of Django responds in HTML, which leaves only the status.
  }
  if (typeof body?.code === "string") return { code: body.code, message: String(body.error ?? "") };
  return { code: CODES[status] ?? (status >= 500 ? "internal_error" : "") };
}
