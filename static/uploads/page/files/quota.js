import { ApiError } from "../../client/index.js";

/** @import { Api } from "../../client/index.js" */

/** Many files that are stored at the same time are one reason to ask. */
const GATHER = 1_500;

/** The line that says how much of the quota is used, if there is one. */
export class Quota {
  #element;
  #api;
  #timer = 0;

  /**
   * @param {HTMLElement|null} element null for a user without a quota
   * @param {Api} api
   */
  constructor(element, api) {
    this.#element = element;
    this.#api = api;
  }

  /** Something was stored or deleted: have the line say what is used now. */
  refresh() {
    const element = this.#element;
    if (element) this.#timer ||= setTimeout(() => this.#ask(element), GATHER);
  }

  /** @param {HTMLElement} element */
  async #ask(element) {
    try {
      element.innerHTML = await this.#api.fragment(element.dataset.url ?? "");
    } catch (error) {
      // Without an answer the line keeps the previous figure until the next file is stored or deleted.
      if (!(error instanceof ApiError)) throw error;
    } finally {
      this.#timer = 0;
    }
  }
}
