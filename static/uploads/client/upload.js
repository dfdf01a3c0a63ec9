import { Rate } from "./progress/rate.js";

/** @import { SignedRequest } from "./net/api.js" */
/** @import { WaitReason } from "./net/retry.js" */

/** @typedef {"queued"|"hashing"|"uploading"|"confirming"|"stored"|"paused"|"failed"|"cancelled"|"rejected"} State */

/** @typedef {{code: string, message?: string}} Problem see docs/uploader.md */

/**
 * What the server knows of a file that goes in one request.
 * @typedef {object} WholeSession
 * @property {string} id
 * @property {null} token
 * @property {SignedRequest} [request] missing after a reload
 */

/**
 * What the server knows of a file that goes in parts.
 * @typedef {object} PartsSession
 * @property {string} id
 * @property {string} token
 * @property {number} partSize bytes
 * @property {number} partCount
 * @property {boolean} [isNew] storage cannot have any part yet
 */

/** @typedef {WholeSession|PartsSession} Session */

/**
 * @param {Session|null} session
 * @returns {session is PartsSession}
 */
export function goesInParts(session) {
  return Boolean(session?.token);
}

/** One file on its way. Read it freely; only the Uploader changes it. See docs/uploader.md. */
export class Upload {
  static #count = 0;
  key = ++Upload.#count;
  /** @type {string|null} */
  id = null;
  /** @type {State} */
  state = "queued";
  sent = 0;
  rate = new Rate();
  /** @type {Problem|null} */
  problem = null;
  /** @type {WaitReason|"other_tab"|null} */
  waiting = null;
  slow = false;
  alreadyStored = false;
  resumed = 0;

  // What follows is the Uploader's own.

  /** Whether the last problem may be gone with another try. */
  curable = true;
  /** Empty until it is known. */
  fingerprint = "";
  /** @type {string|null} of the whole file, base64 */
  sha256 = null;
  /** @type {Session|null} */
  session = null;
  /** All bytes of the request have left once, so storage may have the file even if nobody said so. */
  maybeArrived = false;
  /** The person wants it sent although it is stored already. */
  afresh = false;
  /** Storage has every part, and puts them together. */
  completing = false;
  /** Part of the bytes and files in `totals`. */
  counted = true;
  /** Bytes that ever left; unlike `sent`, never shrinks. */
  transferred = 0;
  /** @type {AbortController|null} */
  controller = null;
  /** @type {Promise<void>|null} the present run, until it has ended */
  run = null;

  /**
   * @param {File} file
   * @param {string} [path]
   */
  constructor(file, path) {
    this.file = file;
    this.name = path || file.name;
    this.size = file.size;
    // Some types are unknown to the browser, and an empty one would not match its signature.
    this.type = file.type || "application/octet-stream";
  }

  get active() {
    return this.state === "queued" || this.state === "hashing" || this.state === "uploading";
  }

  /** Leaving the page now would interrupt it. */
  get busy() {
    return this.active || this.completing;
  }

  get finished() {
    return ["stored", "failed", "cancelled", "rejected"].includes(this.state);
  }

  /** Confirming may take very long; nobody has to look at it until its end. */
  get canRemove() {
    return this.finished || (this.state === "confirming" && this.slow && !this.completing);
  }

  get canPause() {
    return this.active;
  }

  get canResume() {
    return this.state === "paused";
  }

  get canCancel() {
    return this.active || this.state === "paused";
  }

  get canRetry() {
    return this.state === "cancelled" || (this.state === "failed" && this.curable);
  }
}
