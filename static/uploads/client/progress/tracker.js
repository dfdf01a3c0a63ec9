import { isMultipart } from "../upload.js";
import { Rate } from "./rate.js";
import { Totals } from "./totals.js";

/** @import { WaitReason } from "../net/retry.js" */
/** @import { State, Upload } from "../upload.js" */
/** @typedef {"add"|"state"|"progress"|"remove"} Change */

/** Updates the state and progress of uploads and their totals, and reports every change. */
export class Tracker {
  totals = new Totals();
  /** Of all uploads together. */
  rate = new Rate();
  /** Bytes sent for all uploads, including bytes that were sent again. */
  #transferred = 0;
  #onChange;

  /** @param {(type: Change, upload: Upload) => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** @param {Upload} upload */
  add(upload) {
    this.totals.add(upload);
    this.#onChange("add", upload);
  }

  /** @param {Upload} upload */
  remove(upload) {
    this.totals.remove(upload);
    this.#onChange("remove", upload);
  }

  /**
   * Resets the totals and the rate when no upload is in progress.
   * @param {Iterable<Upload>} uploads the existing ones, which are no longer part of the totals
   */
  resetCounts(uploads) {
    this.totals.resetCounts(uploads);
    this.rate = new Rate();
  }

  /** @param {Upload} upload */
  queueAgain(upload) {
    // What storage has of a file in parts is not sent again.
    const sent = upload.state === "paused" && isMultipart(upload.session) ? upload.acknowledged : 0;
    this.totals.change(upload, { state: "queued", counted: true, sent });
    Object.assign(upload, { problem: null, slow: false, waiting: null });
    this.#onChange("state", upload);
  }

  /**
   * @param {Upload} upload
   * @param {State} state
   */
  enter(upload, state) {
    if (upload.state === state) return;
    // The last requests of a run that ends do not change that.
    if (upload.state === "pausing" && ["queued", "hashing", "uploading"].includes(state)) return;
    if (state === "uploading") {
      upload.rate.restart();
      if (this.#transferred === 0) this.rate.update(0);
    }
    // What was in flight is sent again.
    const stops = state === "paused" || state === "failed" || state === "cancelled";
    this.totals.change(upload, stops ? { state, sent: upload.acknowledged } : { state });
    upload.waiting = null;
    this.#onChange("state", upload);
  }

  /**
   * @param {Upload} upload
   * @param {WaitReason|"other_tab"|null} reason
   */
  wait(upload, reason) {
    if (upload.waiting === reason || (reason && !upload.busy)) return;
    upload.waiting = reason;
    this.#onChange("progress", upload);
  }

  /**
   * More bytes were sent, or some have to be sent again.
   * @param {Upload} upload
   * @param {number} sent bytes
   */
  progress(upload, sent) {
    if (upload.state !== "uploading" && upload.state !== "pausing") return;
    const more = Math.max(0, sent - upload.sent);
    this.setSent(upload, sent);
    // Parts that were signed before arrive although the next ones wait for a new sign-in.
    if (upload.waiting !== "signed_out") upload.waiting = null;
    upload.transferred += more;
    this.#transferred += more;
    upload.rate.update(upload.transferred);
    this.rate.update(this.#transferred);
    this.#onChange("progress", upload);
  }

  /**
   * @param {Upload} upload
   * @param {number} sent bytes
   */
  setSent(upload, sent) {
    this.totals.change(upload, { sent });
  }

  /** @param {Upload} upload that is being checked for malware, which may take long and can be left alone */
  markScanning(upload) {
    if (upload.scanning) return;
    upload.scanning = true;
    this.#onChange("progress", upload);
  }

  /** @param {Upload} upload */
  markSlow(upload) {
    upload.slow = true;
    this.#onChange("progress", upload);
  }
}
