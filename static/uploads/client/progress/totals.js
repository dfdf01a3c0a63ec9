/** @import { Upload } from "../upload.js" */

/**
 * The totals of all uploads, updated with each change instead of recounted. `files`, `bytes`, `sent` and `stored` only
 * include uploads added since everything was last done, so that the overall progress is that of the current batch.
 */
export class Totals {
  files = 0;
  bytes = 0;
  sent = 0;
  active = 0;
  paused = 0;
  confirming = 0;
  stored = 0;
  failed = 0;

  /** Whether no upload is in progress. */
  get isIdle() {
    return this.active + this.paused + this.confirming === 0;
  }

  /** @param {Upload} upload */
  add(upload) {
    this.#count(upload, 1);
  }

  /** @param {Upload} upload */
  remove(upload) {
    // A stored upload stays in the totals, or the overall progress would jump back.
    if (upload.state !== "stored") this.#count(upload, -1);
  }

  /**
   * @param {Upload} upload
   * @param {Partial<Upload>} changes
   */
  change(upload, changes) {
    this.#count(upload, -1);
    Object.assign(upload, changes);
    this.#count(upload, 1);
  }

  /** @param {Iterable<Upload>} uploads the existing ones, which are no longer counted */
  startOver(uploads) {
    for (const upload of uploads) upload.counted = false;
    this.files = this.bytes = this.sent = this.stored = 0;
  }

  /**
   * @param {Upload} upload
   * @param {1|-1} sign
   */
  #count(upload, sign) {
    const group = groupOf(upload);
    if (upload.counted || group !== "stored") this[group] += sign;
    if (!upload.counted || group === "failed") return;
    this.files += sign;
    this.bytes += sign * upload.size;
    this.sent += sign * upload.sent;
  }
}

/**
 * @param {Upload} upload
 * @returns {"active"|"paused"|"confirming"|"stored"|"failed"}
 */
function groupOf(upload) {
  if (upload.active) return "active";
  const { state } = upload;
  return state === "paused" || state === "confirming" || state === "stored" ? state : "failed";
}
