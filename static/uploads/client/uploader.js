import { MAX_IDS } from "./api.js";
import { Batch } from "./batch.js";
import { Confirmations } from "./confirmations.js";
import { Connection } from "./connection.js";
import { ApiError, ConnectionLost, Failure, StorageError, isCorrupted } from "./errors.js";
import { Hasher } from "./hasher.js";
import { Journal } from "./journal.js";
import { take, tryTake } from "./lock.js";
import { assertReadable, sendParts } from "./multipart.js";
import { Pool } from "./pool.js";
import { Rate } from "./rate.js";
import { Retry } from "./retry.js";
import { send } from "./transport.js";
import { Upload } from "./upload.js";

/** S3 keeps names as metadata, and file systems stop here too. */
const MAX_NAME_BYTES = 255;
/** Files being worked on, for each request that may be under way: while one is hashed or signed, another is sent. */
const FILES_PER_REQUEST = 2;
const MIB = 1024 ** 2;

const PAUSED = new DOMException("paused", "AbortError");
const CANCELLED = new DOMException("cancelled", "AbortError");

/**
 * Sends files straight to storage and follows each until the server says that it is stored. What it does, its options,
 * events and states are described in docs/uploader.md.
 */
export class Uploader extends EventTarget {
  /** @type {Map<number, Upload>} */
  #uploads = new Map();
  /** Uploads that the server is asked about; two rows may be one file. @type {Map<string, Set<Upload>>} */
  #confirming = new Map();
  /** @type {Set<Upload>} */
  #queue = new Set();
  #running = 0;
  #signedOut = false;
  #transferred = 0;
  #totals = { files: 0, bytes: 0, sent: 0, active: 0, paused: 0, confirming: 0, stored: 0, failed: 0 };
  #completing = 0;
  #options;
  #api;
  #connection = new Connection();
  #pool;
  #hasher;
  #journal;
  #statuses;
  #confirmations;

  /**
   * @param {import("./api.js").Api} api
   * @param {object} [options] see docs/uploader.md
   * @param {string} [options.namespace]
   * @param {number} [options.concurrency]
   * @param {number} [options.maxSize] bytes
   * @param {string[]} [options.allowedTypes]
   * @param {number} [options.wholeLimit] bytes
   * @param {string|URL} [options.workerUrl]
   * @param {boolean} [options.remember]
   */
  constructor(api, options = {}) {
    super();
    const known = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    this.#options = {
      namespace: "default",
      concurrency: 6,
      maxSize: Infinity,
      allowedTypes: ["*"],
      wholeLimit: 64 * MIB,
      workerUrl: new URL("./hash-worker.js", import.meta.url),
      remember: true,
      ...known,
    };
    this.rate = new Rate();
    this.#api = api;
    this.#pool = new Pool(this.#options.concurrency, this.#connection);
    this.#hasher = new Hasher(this.#options.workerUrl);
    this.#journal = this.#options.remember ? new Journal(this.#options.namespace) : null;
    this.#statuses = new Batch((ids) => this.#askStatuses(ids), MAX_IDS);
    this.#confirmations = new Confirmations({
      ask: (ids) => api.statuses(ids),
      settle: (id, status) => this.#settle(id, status),
      hint: (id) => api.complete(id),
      onSlow: (id) => this.#markSlow(id),
      onSessionEnded: () => this.#endSession(),
    });
    this.#connection.addEventListener("change", () => this.dispatchEvent(new Event("connection")));
    this.#removeLeftovers();
  }

  /** @returns {Upload[]} in the order they were added */
  get uploads() {
    return [...this.#uploads.values()];
  }

  get size() {
    return this.#uploads.size;
  }

  get totals() {
    return { ...this.#totals };
  }

  get busy() {
    return this.#totals.active + this.#completing > 0;
  }

  get online() {
    return this.#connection.online;
  }

  /**
   * @param {Iterable<File | {file: File, path?: string}>} files
   * @returns {Upload[]}
   */
  add(files) {
    if (this.#isIdle) this.#startAnew();
    const added = Array.from(files, (item) => (item instanceof File ? new Upload(item) : new Upload(item.file, item.path)));
    for (const upload of added) {
      this.#uploads.set(upload.key, upload);
      this.#count(upload, 1);
      this.#emit("add", upload);
      const code = this.#objection(upload);
      if (code) {
        this.#fail(upload, { code }, false);
      } else {
        this.#queue.add(upload);
      }
    }
    this.#signedOut = false;
    this.#pump();
    return added;
  }

  /** @param {Upload} upload */
  pause(upload) {
    if (!upload.canPause) return;
    this.#stop(upload, PAUSED);
    this.#enter(upload, "paused");
  }

  /** @param {Upload} upload */
  resume(upload) {
    if (upload.canResume) this.#enqueue(upload);
  }

  /** @param {Upload} upload */
  cancel(upload) {
    if (!upload.canCancel) return;
    this.#stop(upload, CANCELLED);
    this.#enter(upload, "cancelled");
    this.#discard(upload);
  }

  /** @param {Upload} upload */
  retry(upload) {
    if (upload.canRetry) this.#enqueue(upload);
  }

  /** @param {Upload} upload */
  uploadAgain(upload) {
    if (upload.state !== "stored" || !upload.alreadyStored) return;
    upload.afresh = true;
    upload.alreadyStored = false;
    upload.session = null;
    upload.id = null;
    this.#enqueue(upload);
  }

  /** @param {Upload} upload */
  remove(upload) {
    if (!upload.finished || !this.#uploads.delete(upload.key)) return;
    // What is done stays part of the whole, or the overall progress would jump.
    if (upload.state !== "stored") this.#count(upload, -1);
    this.#emit("remove", upload);
  }

  pauseAll() {
    // The last first: one that is stopped would make room for the next to start.
    for (const upload of this.uploads.reverse()) this.pause(upload);
  }

  resumeAll() {
    for (const upload of this.uploads) this.resume(upload);
  }

  cancelAll() {
    for (const upload of this.uploads.reverse()) this.cancel(upload);
  }

  retryAll() {
    for (const upload of this.uploads) if (upload.state === "failed") this.retry(upload);
  }

  #objection(upload) {
    if (upload.size > this.#options.maxSize) return "too_large";
    if (!isAllowed(upload.type, this.#options.allowedTypes)) return "type_not_allowed";
    if (new TextEncoder().encode(upload.name).length > MAX_NAME_BYTES) return "name_too_long";
    return null;
  }

  // --- Order -------------------------------------------------------------------------------------

  #enqueue(upload) {
    if (this.#isIdle) this.#startAnew();
    upload.problem = null;
    upload.slow = false;
    this.#signedOut = false;
    this.#count(upload, -1);
    upload.counted = true;
    upload.sent = 0;
    upload.state = "queued";
    this.#count(upload, 1);
    this.#emit("state", upload);
    this.#queue.add(upload);
    this.#pump();
  }

  #stop(upload, reason) {
    this.#queue.delete(upload);
    upload.controller?.abort(reason);
    upload.rate = new Rate();
  }

  #pump() {
    const most = this.#options.concurrency * FILES_PER_REQUEST;
    while (this.#running < most && this.#queue.size > 0 && !this.#signedOut) {
      const [upload] = this.#queue;
      this.#queue.delete(upload);
      upload.run = this.#start(upload, upload.run);
    }
  }

  async #start(upload, previous) {
    const controller = new AbortController();
    upload.controller = controller;
    this.#running += 1;
    try {
      // An upload that was stopped and set going again has one run at a time.
      await previous;
      await this.#work(upload, controller.signal);
    } catch (error) {
      // Of an upload that was stopped, the state is already what it should be.
      if (!controller.signal.aborted) this.#failWith(upload, error);
    } finally {
      this.#running -= 1;
      this.#pump();
    }
  }

  // --- One upload --------------------------------------------------------------------------------

  async #work(upload, signal) {
    signal.throwIfAborted();
    if (this.#journal && upload.fingerprint === null) {
      this.#enter(upload, "hashing");
      upload.fingerprint = await this.#hasher.fingerprint(upload.file, upload.name, signal);
    }
    const release = await this.#claim(upload, signal);
    try {
      if (await this.#pickUp(upload, signal)) return;
      if (upload.session?.token) {
        await this.#sendInParts(upload, signal);
      } else {
        await this.#sendWhole(upload, signal);
      }
    } finally {
      release();
    }
  }

  /** Waits until no other row or tab works on the same file. */
  async #claim(upload, signal) {
    if (!this.#journal) return () => {};
    let waited = false;
    const release = await take(this.#lockName(upload.fingerprint), signal, () => {
      waited = true;
      // Whoever waits for another tab must not keep others from their turn.
      this.#running -= 1;
      this.#enter(upload, "queued");
      this.#wait(upload, "other_tab");
      this.#pump();
    }).finally(() => {
      if (!waited) return;
      this.#running += 1;
      this.#wait(upload, null);
    });
    if (signal.aborted) {
      release();
      throw signal.reason;
    }
    return release;
  }

  /** Finds out how far an earlier attempt came. Returns true when there is nothing left to send. */
  async #pickUp(upload, signal) {
    const entry = await this.#journal?.get(upload.fingerprint);
    signal.throwIfAborted();
    if (upload.afresh) {
      upload.afresh = false;
      return false;
    }
    if (entry) {
      upload.session = upload.session?.id === entry.id ? upload.session : sessionOf(entry);
    } else if (this.#journal && upload.session?.token) {
      // Another tab cancelled it.
      upload.session = null;
    }
    if (!upload.session) return false;

    const { id, token } = upload.session;
    const status = await this.#retry(upload, signal).run(() => this.#statuses.ask(id));
    signal.throwIfAborted();
    if (status?.state === "stored") {
      upload.id = id;
      upload.alreadyStored = true;
      upload.resumed = upload.size;
      this.#setSent(upload, upload.size);
      this.#enter(upload, "stored");
      return true;
    }
    if (status?.state === "pending" && entry?.state !== "cancelled") {
      if (token) return false;
      if (entry?.state === "sent") {
        upload.id = id;
        this.#confirm(upload);
        return true;
      }
      // One request that may or may not have arrived. Its signature, if it is still known, cannot arrive twice.
      if (!upload.session.request) upload.session = null;
      return false;
    }
    if (token && status?.state === "pending" && (await this.#abort(upload.session, signal))) {
      upload.id = id;
      this.#confirm(upload);
      return true;
    }
    await this.#forget(upload);
    return false;
  }

  /** Asks the server for the way to send this file. */
  async #begin(upload, signal) {
    const file = { file_name: upload.name, content_type: upload.type, size: upload.size };
    if (upload.sha256) file.sha256 = upload.sha256;
    const answer = await this.#api.begin(file);
    upload.id = answer.id;
    upload.maybeArrived = false;
    upload.session = answer.multipart
      ? {
          id: answer.id,
          token: answer.token,
          partSize: answer.multipart.part_size,
          partCount: answer.multipart.part_count,
          isNew: true,
        }
      : { id: answer.id, token: null, request: answer };
    // Also when it was cancelled meanwhile: what the server began has to be found and ended.
    await this.#remember(upload, "sending");
    signal.throwIfAborted();
  }

  async #sendWhole(upload, signal) {
    if (upload.size <= this.#options.wholeLimit) await this.#hashWhole(upload, signal);
    const retry = this.#retry(upload, signal);
    const onProgress = (sent) => {
      upload.maybeArrived = sent >= upload.size;
      this.#progress(upload, Math.min(sent, upload.size));
    };
    const inParts = await retry.run(async () => {
      try {
        return await this.#pool.run(
          upload.key,
          async () => {
            if (!upload.session) {
              // A signature that ran out, and nobody knows whether the file arrived before.
              if (upload.id && upload.maybeArrived && (await this.#hasArrived(upload.id))) return false;
              await this.#begin(upload, signal);
            }
            if (upload.session.token) return true;
            if (!upload.sha256) return false;
            this.#enterUploading(upload);
            await send(upload.session.request, upload.file, { signal, onProgress });
            return false;
          },
          signal,
        );
      } catch (error) {
        return await this.#understand(upload, error, signal);
      }
    });
    if (inParts) {
      await this.#sendInParts(upload, signal);
    } else if (!upload.sha256) {
      // Larger than expected for one request: without its checksum it must not go.
      upload.session = null;
      await this.#hashWhole(upload, signal);
      await this.#sendWhole(upload, signal);
    } else {
      await this.#remember(upload, "sent");
      this.#confirm(upload);
    }
  }

  /** What an error of a single request means; returns normally when it means success. */
  async #understand(upload, error, signal) {
    signal.throwIfAborted();
    this.#setSent(upload, 0);
    if (error instanceof StorageError) {
      // The object is there, because an earlier try of this very request arrived.
      if (error.status === 412) return false;
      // Whatever storage refused will not be accepted with the same signature.
      if (error.status < 500) upload.session = null;
    }
    if (isCorrupted(error)) {
      upload.sha256 = null;
      await this.#hashWhole(upload, signal);
    }
    if (error instanceof ConnectionLost) await assertReadable(upload.file);
    throw error;
  }

  async #hashWhole(upload, signal) {
    if (upload.sha256) return;
    this.#enter(upload, "hashing");
    upload.sha256 = await this.#hasher.sha256(upload.file, signal);
  }

  async #hasArrived(id) {
    const [status] = await this.#api.statuses([id]);
    return status?.state === "stored" || status?.state === "rejected";
  }

  async #sendInParts(upload, signal) {
    upload.id = upload.session.id;
    const tools = { api: this.#api, pool: this.#pool, hasher: this.#hasher, connection: this.#connection, signal };
    const onProgress = (sent) => this.#progress(upload, sent);
    const onWait = (reason) => this.#wait(upload, reason);
    // More than one round only when storage says that it misses parts after all, or forgot the upload.
    for (let round = 1; ; round += 1) {
      try {
        const arrived = await this.#arrivedParts(upload, signal);
        this.#enterUploading(upload);
        await sendParts(upload, arrived, { ...tools, onProgress, onWait });
        await this.#complete(upload, signal);
        break;
      } catch (error) {
        signal.throwIfAborted();
        if (error.code === "upload_completed") break;
        if (round === 3) throw error;
        if (error.code === "NoSuchUpload" || (error instanceof ApiError && error.status === 404)) {
          await this.#forget(upload);
          upload.resumed = 0;
          await this.#retry(upload, signal).run(() => this.#begin(upload, signal));
          if (!upload.session.token) return this.#sendWhole(upload, signal);
        } else if (error.code !== "parts_missing") {
          throw error;
        }
      }
    }
    await this.#remember(upload, "sent");
    this.#confirm(upload);
    return undefined;
  }

  /** The numbers of the parts that storage has in full. */
  async #arrivedParts(upload, signal) {
    const { id, token, partSize, partCount, isNew } = upload.session;
    upload.session.isNew = false;
    if (isNew) return new Set();
    const parts = await this.#retry(upload, signal).run(() => this.#api.parts(id, token));
    signal.throwIfAborted();
    const sizeOf = (number) => (number < partCount ? partSize : upload.size - (partCount - 1) * partSize);
    const whole = parts.filter((part) => part.size === sizeOf(part.part_number));
    const bytes = whole.reduce((sum, part) => sum + part.size, 0);
    upload.resumed = Math.max(upload.resumed, bytes - upload.transferred);
    this.#setSent(upload, bytes);
    return new Set(whole.map((part) => part.part_number));
  }

  async #complete(upload, signal) {
    upload.completing = true;
    this.#completing += 1;
    this.#enter(upload, "confirming");
    try {
      const { id, token } = upload.session;
      await this.#retry(upload, signal).run(() => this.#api.complete(id, token));
    } finally {
      upload.completing = false;
      this.#completing -= 1;
    }
  }

  #confirm(upload) {
    this.#setSent(upload, upload.size);
    upload.slow = false;
    const others = this.#confirming.get(upload.id) ?? new Set();
    this.#confirming.set(upload.id, others.add(upload));
    this.#enter(upload, "confirming");
    this.#confirmations.add(upload.id);
  }

  /** @returns {boolean} whether there is nothing more to wait for */
  #settle(id, status) {
    if (status === undefined || status.state === "pending") return false;
    const uploads = this.#confirming.get(id) ?? [];
    this.#confirming.delete(id);
    for (const upload of uploads) {
      if (status.state === "stored") {
        this.#enter(upload, "stored");
      } else {
        this.#forget(upload);
        if (status.state === "rejected") {
          upload.problem = { code: "rejected", message: status.reason ?? undefined };
          this.#enter(upload, "rejected");
        } else {
          this.#fail(upload, { code: "deleted" });
        }
      }
    }
    return true;
  }

  #markSlow(id) {
    for (const upload of this.#confirming.get(id) ?? []) {
      upload.slow = true;
      this.#emit("progress", upload);
    }
  }

  // --- What is remembered, and removed -----------------------------------------------------------

  async #remember(upload, state) {
    const { id, token, partSize, partCount } = upload.session ?? { id: upload.id, token: null };
    await this.#journal?.put({ fingerprint: upload.fingerprint, id, token, partSize, partCount, state });
  }

  async #forget(upload) {
    const id = upload.session?.id ?? upload.id;
    upload.session = null;
    if (id) await this.#journal?.remove(upload.fingerprint, id);
  }

  /** Removes what storage has of a cancelled upload. */
  async #discard(upload) {
    // A part on its way could arrive after the abort, and would stay.
    await upload.run;
    const { session, fingerprint } = upload;
    if (upload.state !== "cancelled" || !session?.token) return;
    // Whoever holds the lock is sending this very file, and needs what storage has.
    const release = this.#journal ? await tryTake(this.#lockName(fingerprint)) : () => {};
    if (!release) return;
    try {
      await this.#remember(upload, "cancelled");
      if (await this.#abort(session, new AbortController().signal)) {
        this.#confirm(upload);
      } else {
        await this.#forget(upload);
      }
    } catch (error) {
      console.warn("filehub: the rest of a cancelled upload is removed on the next visit:", error);
    } finally {
      release();
    }
  }

  /** @returns {Promise<boolean>} whether it is too late, since storage has the file */
  async #abort({ id, token }, signal) {
    try {
      await new Retry(this.#connection, signal).run(() => this.#api.abort(id, token));
    } catch (error) {
      if (error.code === "upload_completed") return true;
      if (error.status !== 404) throw error;
    }
    return false;
  }

  /** Uploads that were cancelled when the server could not be reached. */
  async #removeLeftovers() {
    try {
      for (const entry of (await this.#journal?.tidy()) ?? []) {
        const release = await tryTake(this.#lockName(entry.fingerprint));
        if (!release) continue;
        try {
          await this.#abort(entry, new AbortController().signal);
          await this.#journal.remove(entry.fingerprint, entry.id);
        } finally {
          release();
        }
      }
    } catch (error) {
      console.warn("filehub: leftovers of cancelled uploads stay for now:", error);
    }
  }

  #lockName(fingerprint) {
    return `filehub:${this.#options.namespace}:${fingerprint}`;
  }

  // --- State -------------------------------------------------------------------------------------

  #retry(upload, signal) {
    return new Retry(this.#connection, signal, (reason) => this.#wait(upload, reason));
  }

  async #askStatuses(ids) {
    const known = new Map((await this.#api.statuses(ids)).map((status) => [status.id, status]));
    return ids.map((id) => known.get(id));
  }

  #failWith(upload, error) {
    if (error instanceof Failure) {
      this.#fail(upload, { code: error.code }, error.canRetry);
    } else if (error instanceof ConnectionLost) {
      this.#fail(upload, { code: "connection_lost" });
    } else if (error instanceof StorageError) {
      this.#fail(upload, { code: "storage_refused" });
    } else if (error instanceof ApiError && error.status === 401) {
      this.#fail(upload, { code: "session_ended" });
      this.#endSession();
    } else if (error instanceof ApiError) {
      this.#fail(upload, { code: error.code || "unexpected", message: error.message || undefined }, mayHelpAgain(error.status));
    } else if (error instanceof DOMException) {
      // The file was moved, changed or locked after it had been chosen.
      this.#fail(upload, { code: "unreadable" });
    } else {
      this.#fail(upload, { code: "unexpected" });
      reportError(error);
    }
  }

  #endSession() {
    // Others would only fail one after another; they wait for the next retry.
    this.#signedOut = true;
    this.dispatchEvent(new Event("sessionend"));
  }

  #fail(upload, problem, curable = true) {
    upload.problem = problem;
    upload.curable = curable;
    this.#enter(upload, "failed");
  }

  #enterUploading(upload) {
    upload.rate.restart();
    if (this.#transferred === 0) this.rate.update(0);
    this.#enter(upload, "uploading");
  }

  #enter(upload, state) {
    if (upload.state === state) return;
    this.#count(upload, -1);
    upload.state = state;
    this.#count(upload, 1);
    upload.waiting = null;
    this.#emit("state", upload);
  }

  #wait(upload, reason) {
    if (upload.waiting === reason || (reason && !upload.active && !upload.completing)) return;
    upload.waiting = reason;
    this.#emit("progress", upload);
  }

  #progress(upload, sent) {
    if (upload.state !== "uploading") return;
    upload.waiting = null;
    const before = upload.sent;
    this.#setSent(upload, sent);
    if (sent > before) {
      upload.transferred += sent - before;
      this.#transferred += sent - before;
    }
    upload.rate.update(upload.transferred);
    this.rate.update(this.#transferred);
    this.#emit("progress", upload);
  }

  #setSent(upload, sent) {
    if (counts(upload)) this.#totals.sent += sent - upload.sent;
    upload.sent = sent;
  }

  get #isIdle() {
    return this.#totals.active + this.#totals.paused + this.#totals.confirming === 0;
  }

  /** The overall progress is about what was added since everything was done. */
  #startAnew() {
    for (const upload of this.#uploads.values()) upload.counted = false;
    Object.assign(this.#totals, { files: 0, bytes: 0, sent: 0, stored: 0 });
    this.rate = new Rate();
  }

  #count(upload, sign) {
    const group = groupOf(upload);
    if (upload.counted || group !== "stored") this.#totals[group] += sign;
    if (!counts(upload)) return;
    this.#totals.files += sign;
    this.#totals.bytes += sign * upload.size;
    this.#totals.sent += sign * upload.sent;
  }

  #emit(type, upload) {
    this.dispatchEvent(new CustomEvent(type, { detail: upload }));
  }
}

function sessionOf({ id, token, partSize, partCount }) {
  return { id, token, partSize, partCount };
}

function groupOf(upload) {
  if (upload.active) return "active";
  return ["paused", "confirming", "stored"].includes(upload.state) ? upload.state : "failed";
}

/** Whether an upload belongs to what the overall progress is about. */
function counts(upload) {
  return upload.counted && groupOf(upload) !== "failed";
}

/**
 * @param {string} type
 * @param {string[]} allowed types such as "image/png", "image/*" and "*"
 */
function isAllowed(type, allowed) {
  const name = type.split(";", 1)[0].trim().toLowerCase();
  const anyOfGroup = `${name.split("/", 1)[0]}/*`;
  return allowed.some((pattern) => ["*", "*/*", name, anyOfGroup].includes(pattern.toLowerCase()));
}

/** A 4xx is about the request itself, and sending it again changes nothing; with these exceptions. */
function mayHelpAgain(status) {
  return status < 400 || status >= 500 || [401, 403, 408, 409, 429].includes(status);
}
