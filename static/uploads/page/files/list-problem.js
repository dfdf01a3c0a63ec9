import { explain, messages } from "../text/messages.js";
import { byId, find } from "../ui/elements.js";

/** @typedef {{code: string, message?: string}} Problem */

/** The notice above the list: it could not be loaded, and the earlier one is still shown. */
export class ListProblem {
  #element = byId("list-problem");
  #text = find(this.#element, "[data-field=text]");
  #retry = () => {};
  #needsSignIn = false;

  constructor() {
    find(this.#element, "[data-retry]").addEventListener("click", () => this.#retry());
    // Nobody has to press a button for what the connection has interrupted.
    addEventListener("online", () => !this.#element.hidden && this.#retry());
  }

  /**
   * @param {Problem} problem
   * @param {() => void} retry
   */
  show(problem, retry) {
    this.#retry = retry;
    this.#needsSignIn = problem.code === "session_ended" || problem.code === "not_authenticated";
    this.#text.textContent = `${explain(problem)} ${messages.listNotCurrent}`;
    this.#element.hidden = false;
  }

  /** The user has signed in again. */
  signedIn() {
    if (!this.#element.hidden && this.#needsSignIn) this.#retry();
  }

  /** The list is up to date. */
  clear() {
    if (this.#element.contains(document.activeElement)) byId("search").focus();
    this.#element.hidden = true;
  }
}
