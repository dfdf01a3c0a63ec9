import { Confirmations } from "./confirmations.js";

/** @import { Api, UploadStatus } from "./net/api.js" */
/** @import { Tracker } from "./progress/tracker.js" */
/** @import { Journal } from "./resume/journal.js" */
/** @import { Problem, Upload } from "./upload.js" */

/** Waits until the server has confirmed uploads of which storage has every byte. */
export class Confirming {
  /** By id; two rows may be the same file. @type {Map<string, Set<Upload>>} */
  #uploads = new Map();
  #tracker;
  #journal;
  #isListed;
  #onFailed;
  #confirmations;

  /**
   * @param {object} options
   * @param {Api} options.api
   * @param {Tracker} options.tracker
   * @param {Journal|null} options.journal
   * @param {(upload: Upload) => boolean} options.isListed whether it has not been removed from the list
   * @param {(upload: Upload, problem: Problem) => void} options.onFailed
   * @param {() => void} options.onSessionEnded
   */
  constructor({ api, tracker, journal, isListed, onFailed, onSessionEnded }) {
    this.#tracker = tracker;
    this.#journal = journal;
    this.#isListed = isListed;
    this.#onFailed = onFailed;
    this.#confirmations = new Confirmations({
      ask: (ids) => api.statuses(ids),
      settle: (id, status) => this.#settle(id, status),
      hint: (id) => api.complete(id),
      onSlow: (id) => this.#markSlow(id),
      onSessionEnded,
    });
  }

  /** @param {Upload} upload */
  add(upload) {
    this.#tracker.setSent(upload, upload.size);
    upload.slow = false;
    upload.scanning = false;
    const id = /** @type {string} set before anything is sent */ (upload.id);
    const others = this.#uploads.get(id) ?? new Set();
    this.#uploads.set(id, others.add(upload));
    this.#tracker.enter(upload, "confirming");
    this.#confirmations.add(id);
  }

  /** Asks the server soon. */
  tryNow() {
    this.#confirmations.tryNow();
  }

  /**
   * @param {string} id
   * @param {UploadStatus|undefined} status
   * @returns {boolean} whether there is nothing more to wait for
   */
  #settle(id, status) {
    if (status === undefined || status.state === "pending") return false;
    if (status.state === "scanning") {
      for (const upload of this.#uploads.get(id) ?? []) this.#tracker.markScanning(upload);
      return false;
    }
    const uploads = this.#uploads.get(id) ?? [];
    this.#uploads.delete(id);
    for (const upload of uploads) {
      if (this.#isListed(upload)) this.#end(upload, id, status);
    }
    return true;
  }

  /**
   * @param {Upload} upload
   * @param {string} id
   * @param {UploadStatus} status
   */
  #end(upload, id, status) {
    if (status.state === "stored") {
      upload.storedFile = status.file ?? null;
      this.#tracker.enter(upload, "stored");
      return;
    }
    upload.session = null;
    this.#journal?.remove(upload.fingerprint, id);
    if (status.state === "rejected") {
      upload.problem = { code: "rejected", message: status.reason ?? undefined };
      this.#tracker.enter(upload, "rejected");
    } else {
      this.#onFailed(upload, { code: "deleted" });
    }
  }

  /** @param {string} id */
  #markSlow(id) {
    for (const upload of this.#uploads.get(id) ?? []) {
      this.#tracker.markSlow(upload);
    }
  }
}
