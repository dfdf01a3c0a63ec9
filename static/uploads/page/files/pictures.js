import { Thumbnails } from "../uploads/thumbnails.js";

/** @import { Item } from "./types.js" */

/** The pictures of so many files are kept. */
const MAX_FILES = 500;

/** The chosen files' own pictures, for files that were stored from this page, until their thumbnails are there. */
export class Pictures {
  /** By the ids of stored files, the oldest first. @type {Map<string, File>} */
  #files = new Map();
  #thumbnails = new Thumbnails();

  /**
   * @param {string} id of a stored file
   * @param {File} file
   */
  add(id, file) {
    if (!file.type.startsWith("image/")) return;
    this.#files.set(id, file);
    const [oldest] = this.#files.keys();
    if (this.#files.size > MAX_FILES) this.#files.delete(oldest);
  }

  /**
   * @param {Item} item
   * @param {HTMLElement} tile of its row
   */
  watch(item, tile) {
    const file = this.#files.get(item.key);
    if (file && item.kind === "file" && !item.file.thumbnail_url) this.#thumbnails.watch(tile, file);
  }

  /** @param {HTMLElement} tile */
  unwatch(tile) {
    this.#thumbnails.unwatch(tile);
  }
}
