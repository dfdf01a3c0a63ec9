/** @import { Limits } from "../../client/index.js" */

/**
 * Where chosen files go.
 * @typedef {object} Target
 * @property {string} folder a path; empty for the root
 * @property {string} destination its name; empty for none
 */

/**
 * A destination as the page has it (uploads/web/pages.py).
 * @typedef {object} Destination
 * @property {string} name
 * @property {string} folder of all its files; empty for any
 * @property {number} max_size bytes
 * @property {string[]} accepted_types
 * @property {string} hint what is special about it, for people
 */

/** The choice of this tab, because people upload to different destinations in different tabs. */
const KEY = "filehub-destination";

/** The list from which a destination for the next uploads is chosen. There is none if there are no destinations. */
export class DestinationSelect {
  #select;
  /** @type {Map<string, Destination>} */
  #destinations;
  #hint = document.getElementById("destination-hint");
  #key;

  /**
   * @param {HTMLElement|null} select
   * @param {{destinations: Destination[], namespace: string}} config
   */
  constructor(select, { destinations, namespace }) {
    this.#select = select instanceof HTMLSelectElement ? select : null;
    this.#destinations = new Map(destinations.map((destination) => [destination.name, destination]));
    this.#key = `${KEY}:${namespace}`;
    if (!this.#select) return;
    const known = remembered(this.#key);
    // Browsers restore another choice when the page is loaded again.
    this.#select.value = this.#destinations.has(known) ? known : "";
    this.#select.disabled = false;
    this.#select.addEventListener("change", () => this.#changed());
    this.#showHint();
  }

  /**
   * @param {string} openFolder
   * @returns {Target}
   */
  target(openFolder) {
    const chosen = this.#chosen;
    if (!chosen) return { folder: openFolder, destination: "" };
    return { folder: isWithin(openFolder, chosen.folder) ? openFolder : chosen.folder, destination: chosen.name };
  }

  get #chosen() {
    return this.#destinations.get(this.#select?.value ?? "");
  }

  #changed() {
    this.#showHint();
    try {
      sessionStorage.setItem(this.#key, this.#select?.value ?? "");
    } catch {
      // Without storage, it is only not remembered.
    }
  }

  #showHint() {
    if (this.#hint) this.#hint.textContent = this.#chosen?.hint ?? "";
  }
}

/**
 * @param {Destination[]} destinations
 * @returns {Record<string, Limits>} for the Uploader
 */
export function limitsByName(destinations) {
  return Object.fromEntries(
    destinations.map(({ name, max_size, accepted_types }) => [
      name,
      { maxSize: max_size, allowedTypes: accepted_types },
    ]),
  );
}

/** @param {string} key */
function remembered(key) {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/**
 * @param {string} path
 * @param {string} folder
 */
function isWithin(path, folder) {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}
