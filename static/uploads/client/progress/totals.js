/** @import { Upload } from "../upload.js" */

/**
 * What all uploads come to, kept up to date with each change instead of counted anew. Bytes and files are those that
 * were added since everything was done the last time, so that the overall progress is about what goes on now.
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

  /** Nothing is under way. */
  get isIdle() {
    return this.active + this.paused + this.confirming === 0;
  }

  /** @param {Upload} upload */
  add(upload) {
    this.#count(upload, 1);
  }

  /** @param {Upload} upload */
  remove(upload) {
    // What is done stays part of the whole, or the progress would jump back.
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

  /** @param {Iterable<Upload>} uploads those there are; they are not part of what comes now */
  startAnew(uploads) {
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
