import { ApiError, codeOf } from "../errors.js";
import { identityOf, isMultipart } from "../upload.js";
import { HandleError, openFile } from "./handles.js";
import { heldLocks, mark, tryTake } from "./lock.js";
import { safeBytes } from "./remaining.js";

/** @import { About, UploadStatus } from "../net/api.js" */
/** @import { Tools } from "../tools.js" */
/** @import { Upload } from "../upload.js" */
/** @import { HandleSource } from "./handles.js" */
/** @import { UnfinishedEntry } from "./journal.js" */

/**
 * A multipart upload that a reload or a crash has interrupted.
 * @typedef {object} UnfinishedUpload
 * @property {string} id
 * @property {string} path of the file, or its name
 * @property {number} size bytes
 * @property {number} safe bytes that storage has confirmed
 * @property {boolean} isChecked whether `safe` is what storage has now; otherwise it has at least that
 * @property {boolean} hasHandle whether `open` may find the file without the user choosing it
 */

/** Milliseconds until the server is asked again after it did not answer. */
const CHECK_AGAIN = 60_000;

/**
 * The uploads that were interrupted on earlier visits and can be continued, without those in the list of this or another
 * page. Emits `change`. It reads them when `refresh` is called, and not by itself.
 */
export class Unfinished extends EventTarget {
  /** What the journal has, by id. @type {Map<string, UnfinishedEntry>} */
  #entries = new Map();
  /** What identifies their files. @type {Set<string>} */
  #keys = new Set();
  /** Bytes that storage has according to the server, by id. @type {Map<string, number>} */
  #checked = new Map();
  /** Uploads of this page, by what identifies their files. @type {Map<string, Set<Upload>>} */
  #listed = new Map();
  /** Ends the marks of uploads of this page. @type {Map<Upload, () => void>} */
  #marks = new Map();
  /** Ids of uploads that the user has removed from this page. If storage still has them, the next visit shows them. */
  #dismissed = new Set();
  /** Ids of uploads that are being removed from storage. */
  #removing = new Set();
  #nextCheck = -Infinity;
  /** @type {Promise<void>|null} */
  #refreshing = null;
  #shown = "";
  #add;
  #tools;

  /**
   * @param {EventTarget} uploads an Uploader, which this cannot import because it is imported by it
   * @param {(files: (About & {file: File, path: string, handle: HandleSource})[]) => Upload[]} add the Uploader's
   * @param {Tools} tools
   */
  constructor(uploads, add, tools) {
    super();
    this.#add = add;
    this.#tools = tools;
    /** @type {[string, (upload: Upload) => void][]} */
    const listeners = [
      ["add", (upload) => this.#added(upload)],
      ["state", (upload) => this.#stateChanged(upload)],
      ["remove", (upload) => this.#removed(upload)],
    ];
    for (const [type, listener] of listeners) {
      uploads.addEventListener(type, (event) => listener(/** @type {CustomEvent<Upload>} */ (event).detail));
    }
    tools.connection.addEventListener("change", () => {
      this.#nextCheck = -Infinity;
    });
  }

  /** @returns {UnfinishedUpload[]} the oldest first */
  get items() {
    return [...this.#entries.values()]
      .filter(({ id, file }) => !this.#dismissed.has(id) && !this.#listed.has(keyOf(file)))
      .map(({ id, file: { path, size, safe, handle } }) => {
        const checked = this.#checked.get(id);
        return Object.freeze({
          id,
          path,
          size,
          safe: Math.min(checked ?? safe, size),
          isChecked: checked !== undefined,
          hasHandle: handle !== null,
        });
      });
  }

  /**
   * Reads them again, and asks the server about those that are new: they may be complete, or no longer exist.
   * @returns {Promise<void>} never rejects
   */
  refresh() {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /**
   * Opens the file of an item that has a handle. Must be called by a click, because the browser may ask the user.
   * @param {UnfinishedUpload} item
   * @returns {Promise<File>} rejects with a HandleError
   */
  async open(item) {
    const handle = this.#entries.get(item.id)?.file.handle;
    if (!handle) throw new HandleError("file_missing");
    return openFile(handle);
  }

  /**
   * @param {UnfinishedUpload} item
   * @param {File} file that was chosen for it
   * @returns {Promise<boolean>} whether it is the file with which the upload began; rejects if it cannot be read
   */
  async matches(item, file) {
    const entry = this.#entries.get(item.id);
    const name = item.path.split("/").pop();
    if (entry?.file.modified !== file.lastModified || item.size !== file.size || name !== file.name) return false;
    const never = new AbortController().signal;
    return entry.fingerprint === (await this.#tools.hasher.fingerprint(file, identityOf(entry.file), never));
  }

  /**
   * @param {UnfinishedUpload} item
   * @param {File} file that matches
   * @param {HandleSource} [handle] of a file that was chosen again
   * @returns {Upload} in the Uploader's list, in which it takes the item's place
   */
  continue(item, file, handle) {
    const { handle: known = null, about } = this.#entries.get(item.id)?.file ?? {};
    const [upload] = this.#add([{ ...about, file, path: item.path, handle: handle ?? (async () => known) }]);
    return upload;
  }

  /**
   * Removes what storage has of it.
   * @param {UnfinishedUpload} item
   * @returns {Promise<"removed"|"completed"|"taken">} `completed`: it is too late, and the file is stored; `taken`:
   *   another tab has continued it. Rejects with an ApiError if the server did not do it; then the item stays.
   */
  async remove({ id }) {
    const entry = this.#entries.get(id);
    if (!entry) return "taken";
    this.#removing.add(id);
    const release = await tryTake(this.#tools.lockName(entry.fingerprint));
    try {
      if (!release) return "taken";
      return await this.#abort(entry);
    } finally {
      release?.();
      this.#removing.delete(id);
      // What is being read now may be older than that.
      await this.#refreshing;
      await this.refresh();
    }
  }

  /**
   * Once, because the user waits for it.
   * @param {UnfinishedEntry} entry
   * @returns {Promise<"removed"|"completed">}
   */
  async #abort({ id, token, fingerprint }) {
    /** @type {"removed"|"completed"} */
    let outcome = "removed";
    try {
      await this.#tools.api.abort(id, token);
    } catch (error) {
      if (codeOf(error) === "upload_completed") outcome = "completed";
      else if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
    this.#dismissed.add(id);
    await this.#tools.journal?.remove(fingerprint, id);
    return outcome;
  }

  async #refresh() {
    const { journal, lockName, markName } = this.#tools;
    if (!journal) return;
    const [entries, held] = await Promise.all([journal.unfinished(), heldLocks()]);
    const free = entries.filter(
      ({ id, fingerprint }) =>
        this.#removing.has(id) || !(held.has(lockName(fingerprint)) || held.has(markName(fingerprint))),
    );
    this.#entries = new Map(free.map((entry) => [entry.id, entry]));
    this.#keys = new Set(free.map(({ file }) => keyOf(file)));
    // Another tab may have continued the others, so storage may have more of them by now.
    for (const id of this.#checked.keys()) if (!this.#entries.has(id)) this.#checked.delete(id);
    this.#reportChange();
    await this.#check();
  }

  async #check() {
    const unchecked = this.items.filter(({ isChecked }) => !isChecked);
    if (unchecked.length === 0 || performance.now() < this.#nextCheck) return;
    const { statuses } = this.#tools;
    try {
      const never = new AbortController().signal;
      const answers = await Promise.all(
        unchecked.map(async ({ id }) => ({ id, status: await statuses.submit(id, { signal: never }) })),
      );
      // One after another: each is a request to storage too, and the user may wait for others.
      for (const { id, status } of answers) await this.#checkOne(id, status);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#nextCheck = performance.now() + CHECK_AGAIN;
    }
  }

  /**
   * @param {string} id
   * @param {UploadStatus|undefined} status
   */
  async #checkOne(id, status) {
    const entry = this.#entries.get(id);
    // It may have been continued or removed meanwhile.
    if (!entry || !this.items.some((item) => item.id === id) || this.#removing.has(id)) return;
    const safe = await safeBytes(entry, status, this.#tools);
    if (safe === null) this.#entries.delete(id);
    else this.#checked.set(id, safe);
    this.#reportChange();
  }

  /** @param {Upload} upload */
  #added(upload) {
    const key = keyOfUpload(upload);
    this.#listed.set(key, (this.#listed.get(key) ?? new Set()).add(upload));
    if (this.#keys.has(key)) this.#reportChange();
  }

  /** @param {Upload} upload */
  #stateChanged(upload) {
    const { state, session, fingerprint } = upload;
    if (state === "uploading" && isMultipart(session)) {
      if (!this.#marks.has(upload)) this.#marks.set(upload, mark(this.#tools.markName(fingerprint)));
      this.#checked.delete(session.id);
    } else if (state === "stored" || state === "rejected") {
      this.#unmark(upload);
    }
  }

  /** @param {Upload} upload */
  #removed(upload) {
    const key = keyOfUpload(upload);
    const uploads = this.#listed.get(key);
    uploads?.delete(upload);
    if (uploads?.size === 0) this.#listed.delete(key);
    if (isMultipart(upload.session)) this.#dismissed.add(upload.session.id);
    this.#unmark(upload);
    if (this.#keys.has(key)) this.#reportChange();
  }

  /** @param {Upload} upload */
  #unmark(upload) {
    this.#marks.get(upload)?.();
    this.#marks.delete(upload);
  }

  #reportChange() {
    const { items } = this;
    const shown = items.length > 0 ? JSON.stringify(items) : "";
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * What identifies a file before it is read; also part of its fingerprint.
 * @param {{path: string, size: number, modified: number}} file
 */
function keyOf({ path, size, modified }) {
  return JSON.stringify([path, size, modified]);
}

/** @param {Upload} upload */
function keyOfUpload({ path, size, file }) {
  return keyOf({ path, size, modified: file.lastModified });
}
