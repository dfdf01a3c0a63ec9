import { listMessages } from "../text/list-messages.js";
import { displayName } from "../text/names.js";
import { nameTitle } from "../ui/page-title.js";
import { addressOf, lastNameOf, placeOf } from "./place.js";

/** @import { FileStore } from "./store.js" */
/** @import { Place } from "./types.js" */

/**
 * Keeps the address, the title and the history of the browser in step with what is listed: back goes to the place
 * before.
 */
export class Navigation {
  #store;

  /** @param {FileStore} store */
  constructor(store) {
    this.#store = store;
    store.addEventListener("place", (event) => this.#show(/** @type {CustomEvent} */ (event).detail.push));
    addEventListener("popstate", () => store.go(placeOf(location.search), { push: null }));
  }

  /** @param {boolean|null} push */
  #show(push) {
    const address = addressOf(this.#store.place);
    if (push === true) history.pushState(null, "", address);
    else if (push === false) history.replaceState(null, "", address);
    nameTitle(`${titleOf(this.#store.place)} · filehub`);
  }
}

/**
 * @param {Place} place
 * @returns {string} its name for people
 */
export function titleOf({ view, folder }) {
  return folder ? displayName(lastNameOf(folder)) : listMessages.views[view];
}
