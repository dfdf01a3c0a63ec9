import { explain, messages } from "../text/messages.js";
import { byId, find } from "../ui/elements.js";

/** @typedef {{code: string, message?: string}} Problem */

/** The notice above the list: it could not be loaded, and the earlier one is still shown. */
export class ListProblem {
  #element = byId("list-problem");
  #text = find(this.#element, "[data-field=text]");
  #retry = () => {};

  constructor() {
    find(this.#element, "[data-retry]").addEventListener("click", () => this.#retry());
  }

  /**
   * @param {Problem} problem
   * @param {() => void} retry
   */
  show(problem, retry) {
    this.#retry = retry;
    this.#text.textContent = `${explain(problem)} ${messages.listNotCurrent}`;
    this.#element.hidden = false;
  }

  /** The list is up to date. */
  clear() {
    if (this.#element.contains(document.activeElement)) byId("search").focus();
    this.#element.hidden = true;
  }
}
