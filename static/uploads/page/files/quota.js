import { ApiError } from "../../client/index.js";
import { bytes } from "../text/format.js";
import { listMessages } from "../text/list-messages.js";

/** @import { Api } from "../../client/index.js" */

/** Many files that are stored at the same time cause one request. */
const BATCH_DELAY = 1_500;

/** The line that shows how much of the quota is used. */
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

  /** Updates the line after a file was stored or deleted. */
  refresh() {
    const element = this.#element;
    if (element) this.#timer ||= setTimeout(() => this.#fetch(element), BATCH_DELAY);
  }

  /** @param {HTMLElement} element */
  async #fetch(element) {
    try {
      const { body } = await this.#api.request("GET", "/quota");
      element.textContent = body.quota ? listMessages.quota(bytes(body.quota.used), bytes(body.quota.limit)) : "";
    } catch (error) {
      // Without a response, the line keeps the previous figure until the next file is stored or deleted.
      if (!(error instanceof ApiError)) throw error;
    } finally {
      this.#timer = 0;
    }
  }
}
