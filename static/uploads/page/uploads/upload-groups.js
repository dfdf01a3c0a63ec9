/** @import { Upload } from "../../client/index.js" */

/**
 * @typedef {"failed"|"moving"|"confirming"|"paused"|"queued"|"cancelled"|"stored"} Group
 */

/**
 * Who gets the room that is left.
 * @type {Group[]}
 */
const ORDER = ["queued", "paused", "moving", "confirming", "failed", "cancelled", "stored"];

/** Uploads by what a person wants to know of them, so that nothing has to look at all of them. */
export class UploadGroups {
  /** @type {Record<Group, Set<Upload>>} */
  #groups = {
    failed: new Set(),
    moving: new Set(),
    confirming: new Set(),
    paused: new Set(),
    queued: new Set(),
    cancelled: new Set(),
    stored: new Set(),
  };
  /** @type {Map<Upload, Group>} */
  #places = new Map();
  /** @type {Set<Upload>} */
  #retryable = new Set();

  /**
   * @param {Upload} upload
   * @returns {boolean} whether it changed its group
   */
  put(upload) {
    const group = groupOf(upload);
    const before = this.#places.get(upload);
    if (group === "failed" && upload.canRetry) {
      this.#retryable.add(upload);
    } else {
      this.#retryable.delete(upload);
    }
    if (group === before) return false;
    if (before) this.#groups[before].delete(upload);
    this.#groups[group].add(upload);
    this.#places.set(upload, group);
    return true;
  }

  /** @param {Upload} upload */
  delete(upload) {
    const group = this.#places.get(upload);
    if (group) this.#groups[group].delete(upload);
    this.#places.delete(upload);
    this.#retryable.delete(upload);
  }

  /** How many failed and may succeed with another try. */
  get retryable() {
    return this.#retryable.size;
  }

  /**
   * @param {Upload} upload
   * @returns {Group|undefined}
   */
  groupOf(upload) {
    return this.#places.get(upload);
  }

  /** @param {Group} group */
  count(group) {
    return this.#groups[group].size;
  }

  /** @param {Group} group */
  first(group) {
    const [upload] = this.#groups[group];
    return upload;
  }

  /**
   * Which ones to show. What failed and what moves has its place, whatever else there is.
   * @param {number} limit
   * @param {Iterable<Upload>} shown now; they stay, rather than be replaced by others of their group
   * @returns {Set<Upload>}
   */
  choose(limit, shown) {
    /** @type {Set<Upload>} */
    const chosen = new Set();
    const preferred = [...shown];
    const third = Math.ceil(limit / 3);
    /**
     * @param {Group} group
     * @param {number} [most]
     */
    const take = (group, most = limit) => {
      for (const uploads of [preferred, this.#groups[group]]) {
        for (const upload of uploads) {
          if (most <= 0 || chosen.size >= limit) return;
          if (chosen.has(upload) || this.#places.get(upload) !== group) continue;
          chosen.add(upload);
          most -= 1;
        }
      }
    };
    take("failed", third);
    take("moving", third);
    take("paused", third);
    take("confirming", Math.ceil(third / 2));
    for (const group of ORDER) take(group);
    return chosen;
  }

  /**
   * @param {Iterable<Upload>} shown
   * @returns {Record<Group, number>} how many of each group are not among them
   */
  countHidden(shown) {
    const counts = Object.entries(this.#groups).map(([group, uploads]) => [group, uploads.size]);
    /** @type {Record<Group, number>} */
    const hidden = Object.fromEntries(counts);
    for (const upload of shown) {
      const group = this.#places.get(upload);
      if (group) hidden[group] -= 1;
    }
    return hidden;
  }
}

/**
 * @param {Upload} upload
 * @returns {Group}
 */
function groupOf({ state }) {
  switch (state) {
    case "failed":
    case "rejected":
      return "failed";
    case "hashing":
    case "uploading":
      return "moving";
    default:
      return state;
  }
}
