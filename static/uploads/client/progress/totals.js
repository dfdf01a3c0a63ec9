/** @import { Upload } from "../upload.js" */

/**
 * The totals of all uploads, updated with each change instead of recounted.
 *
 * `active`, `paused`, `confirming` and `failed` count all uploads. `files`, `bytes`, `sent`, `stored` and `unsent` (the
 * uploads whose last attempt failed) only include the uploads of the current batch: those added since the last time all
 * uploads had finished. So the overall progress starts at zero again. `Upload.counted` says whether an upload belongs to the current batch.
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
  unsent = 0;

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

  /**
   * Starts a new batch.
   * @param {Iterable<Upload>} uploads the existing ones, which do not belong to it
   */
  resetCounts(uploads) {
    for (const upload of uploads) upload.counted = false;
    this.files = this.bytes = this.sent = this.stored = this.unsent = 0;
  }

  /**
   * Adds an upload to the totals, or subtracts it. A failed upload keeps its group's count. Its bytes are part of the
   * overall progress only if it can be retried; otherwise they will not be sent.
   * @param {Upload} upload
   * @param {1|-1} sign
   */
  #count(upload, sign) {
    const group = groupOf(upload);
    if (upload.counted || group !== "stored") this[group] += sign;
    if (!upload.counted) return;
    if (upload.state === "failed") this.unsent += sign;
    if (group === "failed" && !(upload.state === "failed" && upload.retryable)) return;
    this.files += sign;
    this.bytes += sign * upload.size;
    this.sent += sign * upload.sent;
  }
}

/**
 * The total that an upload's state counts in. `failed` includes cancelled and rejected uploads.
 * @param {Upload} upload
 * @returns {"active"|"paused"|"confirming"|"stored"|"failed"}
 */
function groupOf(upload) {
  if (upload.active) return "active";
  const { state } = upload;
  return state === "paused" || state === "confirming" || state === "stored" ? state : "failed";
}
