import { declaredType } from "./file-type.js";
import { fitFolder, splitPath } from "./names.js";
import { Rate } from "./progress/rate.js";

/** @import { Limits } from "./limits.js" */
/** @import { About, Begun, SignedRequest, StoredFile } from "./net/api.js" */
/** @import { WaitReason } from "./net/retry.js" */
/** @import { HandleSource } from "./resume/handles.js" */
/** @import { Stop } from "./stop.js" */

/** @typedef {"queued"|"hashing"|"uploading"|"pausing"|"confirming"|"stored"|"paused"|"failed"|"cancelled"|"rejected"} State */

/** @typedef {{code: string, message?: string}} Problem see docs/uploader.md */

/**
 * An upload in one request.
 * @typedef {object} WholeSession
 * @property {string} id
 * @property {null} token
 * @property {SignedRequest} [request] unknown after a reload
 */

/**
 * A multipart upload.
 * @typedef {object} PartsSession
 * @property {string} id
 * @property {string} token
 * @property {number} partSize bytes
 * @property {number} partCount
 * @property {number} [expires] when the server no longer accepts the token, in milliseconds; unknown for old entries
 * @property {boolean} [isNew] storage cannot have any parts yet
 */

/** @typedef {WholeSession|PartsSession} Session */

/** Milliseconds for which a signature must be valid when it is used. */
const LIFETIME_LEFT = 10_000;

/**
 * @param {Session|null} session
 * @returns {session is PartsSession}
 */
export function isMultipart(session) {
  return Boolean(session?.token);
}

/**
 * @param {Begun} begun the server's response
 * @returns {Session}
 */
export function sessionFrom(begun) {
  const { id } = begun;
  if (!begun.multipart) return { id, token: null, request: begun };
  const { token, multipart, expires_at = "" } = begun;
  const { part_size: partSize, part_count: partCount } = multipart;
  return { id, token, partSize, partCount, expires: Date.parse(expires_at), isNew: true };
}

/**
 * Whether a signature is about to expire, as far as this computer's clock is right. If it is wrong, storage refuses an
 * expired one, or files are signed once more than necessary.
 * @param {SignedRequest} request
 */
export function isExpiring({ expires_at = "" }) {
  return Date.parse(expires_at) - Date.now() < LIFETIME_LEFT;
}

/**
 * @param {{path: string, about?: About}} file
 * @returns {string}
 */
export function identityOf({ path, about }) {
  const place = about?.scope || about?.destination;
  return place ? `${place}\0${path}` : path;
}

/**
 * @param {About} item
 * @returns {About} without what is missing
 */
export function aboutOf({ tags, context, destination, field, scope }) {
  return {
    ...(tags && { tags }),
    ...(context !== undefined && { context }),
    ...(destination && { destination }),
    ...(field && { field }),
    ...(scope && { scope }),
  };
}

/** One file to upload. Read it freely; only the Uploader changes it. See docs/uploader.md. */
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
  /** Whether it has arrived, and is being checked for malware before it is stored. */
  scanning = false;
  alreadyStored = false;
  resumed = 0;

  // Internal to the Uploader from here on.

  /** Whether another attempt may succeed after the last problem. */
  retryable = true;
  /** Empty until it is known. */
  fingerprint = "";
  /** Of the whole file, in base64. @type {string|null} */
  sha256 = null;
  /** @type {Session|null} */
  session = null;
  /** All bytes of the request were sent once, so storage may have the file even without a response. */
  mayHaveArrived = false;
  /** As the server lists it, once it is stored; null if it was stored before. @type {StoredFile|null} */
  storedFile = null;
  /** The user wants to upload it although it is already stored. */
  forceNew = false;
  /** Storage is assembling the parts. */
  completing = false;
  /** Bytes of complete parts in storage. Others may have been sent, but must be sent again if the upload stops. */
  acknowledged = 0;
  /** Whether it belongs to the current batch, which `Totals` describes. */
  counted = true;
  /** Bytes sent, including bytes that were sent again; unlike `sent`, never shrinks. */
  transferred = 0;
  /** @type {Stop|null} */
  stop = null;
  /** The size of parts to ask the server for, in bytes; null: the file goes in one request. @type {number|null} */
  partSize = null;
  /** The current run. @type {Promise<void>|null} */
  run = null;

  /**
   * @param {File} file
   * @param {string} [path]
   * @param {HandleSource} [handleSource]
   * @param {About} [about]
   * @param {Limits} [limits] of this file alone
   */
  constructor(file, path, handleSource, about = {}, limits) {
    this.file = file;
    this.about = about;
    this.limits = limits;
    /** How to read the file again after a reload; called only if it goes in parts. Internal. */
    this.handleSource = handleSource;
    /** Where the file was: its folders may be more than the server accepts. */
    this.path = path || file.name;
    const place = path ? splitPath(path) : { folder: "", name: file.name };
    this.name = place.name;
    this.folder = fitFolder(place.folder);
    /** Whether folders were left out. */
    this.isShortened = this.folder !== place.folder.normalize("NFC");
    this.size = file.size;
    this.type = declaredType(file.type);
  }

  /** What its fingerprint depends on besides its content: the same file may go to several destinations. */
  get identity() {
    return identityOf(this);
  }

  /** Folder and name, for display. */
  get place() {
    return this.folder ? `${this.folder}/${this.name}` : this.name;
  }

  get active() {
    return ["queued", "hashing", "uploading", "pausing"].includes(this.state);
  }

  /** Whether leaving the page would interrupt it. */
  get busy() {
    return this.active || this.completing;
  }

  get finished() {
    return ["stored", "failed", "cancelled", "rejected"].includes(this.state);
  }

  /** A slow confirmation can be removed too, because it may take very long. */
  get canRemove() {
    return this.finished || (this.state === "confirming" && this.slow && !this.completing);
  }

  /** Pausing an upload that is `pausing` stops it at once. */
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
    return this.state === "cancelled" || (this.state === "failed" && this.retryable);
  }
}
