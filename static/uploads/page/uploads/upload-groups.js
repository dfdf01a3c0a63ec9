/** @import { Upload } from "../../client/index.js" */

/**
 * @typedef {"failed"|"moving"|"confirming"|"paused"|"queued"|"cancelled"|"stored"} Group
 */

/**
 * Which groups get the remaining rows, in this order.
 * @type {Group[]}
 */
const ORDER = ["queued", "paused", "moving", "confirming", "failed", "cancelled", "stored"];

/** Uploads grouped as the page presents them, so that nothing has to go through all of them. */
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
  #groupByUpload = new Map();
  /** @type {Set<Upload>} */
  #retryable = new Set();

  /**
   * @param {Upload} upload
   * @returns {boolean} whether its group changed
   */
  update(upload) {
    const group = groupOf(upload);
    const before = this.#groupByUpload.get(upload);
    if (group === "failed" && upload.canRetry) {
      this.#retryable.add(upload);
    } else {
      this.#retryable.delete(upload);
    }
    if (group === before) return false;
    if (before) this.#groups[before].delete(upload);
    this.#groups[group].add(upload);
    this.#groupByUpload.set(upload, group);
    return true;
  }

  /** @param {Upload} upload */
  delete(upload) {
    const group = this.#groupByUpload.get(upload);
    if (group) this.#groups[group].delete(upload);
    this.#groupByUpload.delete(upload);
    this.#retryable.delete(upload);
  }

  /** How many failed uploads can be retried. */
  get retryable() {
    return this.#retryable.size;
  }

  /**
   * @param {Upload} upload
   * @returns {Group|undefined}
   */
  groupOf(upload) {
    return this.#groupByUpload.get(upload);
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
   * Selects the uploads to show. Failed and active uploads always get some of the rows.
   * @param {number} limit
   * @param {Iterable<Upload>} shown those shown now, which are preferred to others of their group
   * @returns {Set<Upload>}
   */
  selectVisible(limit, shown) {
    /** @type {Set<Upload>} */
    const selected = new Set();
    const preferred = [...shown];
    const third = Math.ceil(limit / 3);
    /**
     * @param {Group} group
     * @param {number} [max]
     */
    const take = (group, max = limit) => {
      for (const uploads of [preferred, this.#groups[group]]) {
        for (const upload of uploads) {
          if (max <= 0 || selected.size >= limit) return;
          if (selected.has(upload) || this.#groupByUpload.get(upload) !== group) continue;
          selected.add(upload);
          max -= 1;
        }
      }
    };
    take("failed", third);
    take("moving", third);
    take("paused", third);
    take("confirming", Math.ceil(third / 2));
    for (const group of ORDER) take(group);
    return selected;
  }

  /**
   * @param {Iterable<Upload>} shown
   * @returns {Record<Group, number>} how many uploads of each group are not shown
   */
  countHidden(shown) {
    const counts = Object.entries(this.#groups).map(([group, uploads]) => [group, uploads.size]);
    /** @type {Record<Group, number>} */
    const hidden = Object.fromEntries(counts);
    for (const upload of shown) {
      const group = this.#groupByUpload.get(upload);
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
    case "pausing":
      return "moving";
    default:
      return state;
  }
}
