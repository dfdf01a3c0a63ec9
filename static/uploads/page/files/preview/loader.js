import { PreviewProblem } from "./problem.js";
import { makeView } from "./views.js";

/** @import { Api, PreviewSource } from "../../../client/index.js" */
/** @import { ListedFile } from "../types.js" */
/** @import { View } from "./views.js" */

/**
 * @typedef {object} Entry what is known of a file
 * @property {Promise<PreviewSource>} source
 * @property {number} signedAt on the clock of performance.now()
 * @property {Promise<View>} [image]
 * @property {AbortController} stop
 */

/** Milliseconds for which an address is used again. It is valid for longer, but a recording is read for longer too. */
const FRESH = 30_000;
/** Bytes of the largest image that is loaded before anyone wants to see it. */
const AHEAD = 16 * 2 ** 20;

/** Loads what the preview shows, and ahead of that the addresses and images of the files beside it. */
export class Loader {
  /** @type {Map<string, Entry>} by the id of the file */
  #entries = new Map();
  #api;

  /** @param {Pick<Api, "preview">} api */
  constructor(api) {
    this.#api = api;
  }

  /**
   * @param {ListedFile} file
   * @param {number} [startAt] seconds of a recording
   * @returns {Promise<View>} Rejects with a PreviewProblem, an ApiError, or an AbortError after the file was dropped.
   */
  async load(file, startAt = 0) {
    if (file.state !== undefined && file.state !== "stored") throw new PreviewProblem(file.state);
    const entry = this.#entry(file.id);
    const source = await entry.source;
    return source.kind === "image" ? this.#image(file, entry, source) : this.#view(file, entry, source, startAt);
  }

  /** @param {ListedFile} file that may be shown next */
  async prepare(file) {
    if (file.state !== undefined && file.state !== "stored") return;
    const entry = this.#entry(file.id);
    try {
      const source = await entry.source;
      if (source.kind === "image" && file.size <= AHEAD) await this.#image(file, entry, source);
    } catch {
      // Nobody waits for it. If it is shown, it is loaded again, and the reason is told then.
      if (this.#entries.get(file.id) === entry) this.drop(file.id);
    }
  }

  /**
   * Forgets and stops loading all other files.
   * @param {string[]} ids
   */
  keep(ids) {
    for (const id of [...this.#entries.keys()]) if (!ids.includes(id)) this.drop(id);
  }

  /** @param {string} id of a file that is loaded from the beginning the next time */
  drop(id) {
    this.#entries.get(id)?.stop.abort();
    this.#entries.delete(id);
  }

  /** @param {string} id */
  #entry(id) {
    const known = this.#entries.get(id);
    // An image that has been loaded needs no address.
    if (known && (known.image || performance.now() < known.signedAt + FRESH)) return known;
    const stop = new AbortController();
    const entry = { source: this.#api.preview(id), signedAt: performance.now(), stop };
    entry.source.catch(() => {});
    this.#entries.set(id, entry);
    return entry;
  }

  /**
   * @param {ListedFile} file
   * @param {Entry} entry
   * @param {PreviewSource} source
   */
  #image(file, entry, source) {
    entry.image ??= this.#view(file, entry, source, 0);
    return entry.image;
  }

  /**
   * @param {ListedFile} file
   * @param {Entry} entry
   * @param {PreviewSource} source
   * @param {number} startAt
   */
  #view(file, entry, source, startAt) {
    const { signal } = entry.stop;
    return makeView(source, { name: file.file_name, size: file.size, startAt, signal });
  }
}
