import { hasSameContent, identify } from "./content.js";
import { ConnectionLost, codeOf, isUnknownUpload, remedyOf, Stalled, StorageError } from "./errors.js";
import { isSmall, MIN_PART } from "./net/plan.js";
import { Retry } from "./net/retry.js";
import { send } from "./net/transport.js";
import { PartSender, PartsTooLarge } from "./parts.js";
import { assertReadable } from "./reading.js";
import { arrivedAs } from "./resume/arrival.js";
import { abort } from "./resume/discard.js";
import { sessionOf } from "./resume/journal.js";
import { take } from "./resume/lock.js";
import { forget, remember, rememberingSafe } from "./resume/memory.js";
import { plannedPartSize } from "./tools.js";
import { isExpiring, isMultipart, sessionFrom } from "./upload.js";

/** @import { Begun, Beginning, SignedRequest } from "./net/api.js" */
/** @import { WaitReason } from "./net/retry.js" */
/** @import { Entry } from "./resume/journal.js" */
/** @import { Stop } from "./stop.js" */
/** @import { Tools } from "./tools.js" */
/** @import { PartsSession, Upload } from "./upload.js" */

/** How often a multipart upload is started or continued when storage has no such upload or is missing parts. */
const ROUNDS = 3;
/** Milliseconds within which S3's event for a file can be expected. */
const EVENT_IS_DUE = 15 * 60_000;

/**
 * @typedef {object} Report callbacks
 * @property {(state: "queued"|"hashing"|"uploading"|"confirming") => void} enter
 * @property {(sent: number) => void} progress bytes sent so far
 * @property {(sent: number) => void} sent a corrected number of bytes, which does not count as progress
 * @property {(reason: WaitReason|null) => void} wait
 * @property {() => void} yieldSlot another row or tab uploads this file, so other files may go first
 * @property {() => void} reclaimSlot this file's turn has come
 * @property {(completing: boolean) => void} completing
 */

/** Sends one file to storage. It knows nothing about other files. */
export class Transfer {
  #upload;
  #tools;
  #report;
  #stop;
  /** Aborted when the upload is stopped or paused. Only requests to storage go on during a pause. */
  #signal;

  /**
   * @param {Upload} upload
   * @param {Tools} tools
   * @param {Report} report
   * @param {Stop} stop
   */
  constructor(upload, tools, report, stop) {
    this.#upload = upload;
    this.#tools = tools;
    this.#report = report;
    this.#stop = stop;
    this.#signal = stop.soon;
  }

  /**
   * @returns {Promise<"arrived"|"known">} `arrived`: storage has every byte; `known`: the file was already stored.
   *   Rejects with an error of errors.js, or with the reason why it was stopped or paused.
   */
  async run() {
    const upload = this.#upload;
    this.#signal.throwIfAborted();
    // On every run, because the file may have changed during a pause.
    // A small file is read so quickly that the state would only flicker.
    if (!isSmall(upload.size)) this.#report.enter("hashing");
    await identify(upload, this.#tools, this.#signal);
    const release = await this.#claim();
    try {
      const outcome = await this.#resume();
      if (outcome) return outcome;
      if (isMultipart(upload.session)) {
        await this.#sendInParts();
      } else {
        await this.#sendWhole();
      }
      await remember(this.#upload, "sent", this.#tools);
      return "arrived";
    } finally {
      release();
    }
  }

  /** Waits until no other row or tab uploads the same file. */
  async #claim() {
    if (!this.#tools.journal) return () => {};
    const name = this.#tools.lockName(this.#upload.fingerprint);
    /** @type {() => void} */
    let release;
    try {
      release = await take(name, this.#signal, () => this.#report.yieldSlot());
    } finally {
      this.#report.reclaimSlot();
    }
    // The lock may have been granted after the upload was stopped.
    if (this.#signal.aborted) {
      release();
      throw this.#signal.reason;
    }
    return release;
  }

  /**
   * Continues an earlier attempt, if there was one.
   * @returns {Promise<"arrived"|"known"|null>} null if there is something left to send
   */
  async #resume() {
    const upload = this.#upload;
    const entry = await this.#tools.journal?.get(upload.fingerprint);
    this.#signal.throwIfAborted();
    if (upload.forceNew) return null;
    if (entry && upload.session?.id !== entry.id) {
      upload.session = sessionOf(entry);
    } else if (!entry && this.#tools.journal && isMultipart(upload.session)) {
      // Another tab cancelled it.
      upload.session = null;
    }
    const { session } = upload;
    if (!session) return null;

    const { id } = session;
    // A form may have claimed what was uploaded for it before.
    const mayBeKnown = upload.id === id || !upload.about.field;
    upload.id = id;
    const status = await this.#retry().run(() => this.#tools.statuses.submit(id, { signal: this.#signal }));
    this.#signal.throwIfAborted();
    if (status?.state === "stored" && mayBeKnown && (await this.#isStoredAs(status.file?.checksum))) return "known";
    if (status?.state !== "pending") {
      await this.#forget();
      return null;
    }
    if (!isMultipart(session)) return this.#resumeWhole(entry);
    if (entry?.state !== "cancelled") return null;
    if (!(await abort(session, this.#tools, this.#signal))) return "arrived";
    await this.#forget();
    return null;
  }

  /** @param {string} [checksum] that storage has verified; without one there is nothing to compare */
  async #isStoredAs(checksum) {
    if (!checksum) return true;
    this.#report.enter("hashing");
    return hasSameContent(this.#upload, checksum, this.#tools.hasher, this.#signal);
  }

  /**
   * @param {Entry|undefined} entry
   * @returns {"arrived"|null}
   */
  #resumeWhole(entry) {
    // After that, the event or the server's data is lost, and waiting is pointless.
    if (entry?.state === "sent" && Date.now() - entry.time < EVENT_IS_DUE) return "arrived";
    // The request may or may not have arrived. If its signature is still known, it can safely be sent again.
    if (!this.#request) this.#upload.session = null;
    return null;
  }

  /**
   * Asks the server how to send this file.
   * @param {(file: Beginning) => Promise<Begun>} [ask]
   */
  async #begin(ask = (file) => this.#tools.api.begin(file)) {
    const upload = this.#upload;
    const { scope: _, ...about } = upload.about;
    const response = await ask({
      ...about,
      file_name: upload.name,
      ...(upload.folder ? { folder: upload.folder } : {}),
      content_type: upload.type,
      size: upload.size,
      ...(upload.partSize ? { part_size: upload.partSize } : {}),
      ...(upload.sha256 ? { sha256: upload.sha256 } : {}),
    });
    upload.id = response.id;
    upload.acknowledged = 0;
    upload.forceNew = false;
    upload.mayHaveArrived = false;
    upload.session = sessionFrom(response);
    // Even if it was cancelled in the meantime: the upload that the server started has to be aborted.
    await remember(this.#upload, "sending", this.#tools);
    this.#signal.throwIfAborted();
  }

  // --- One request -------------------------------------------------------------------------------

  async #sendWhole() {
    const upload = this.#upload;
    upload.partSize ??= plannedPartSize(upload.size, this.#tools);
    if (upload.partSize === null) await this.#hashWhole();
    if (!this.#tools.pool.hasRoom(this.#requestSize)) this.#report.enter("queued");
    const outcome = await this.#retry().run(() => this.#tryWhole());
    if (outcome === "in parts") {
      await this.#sendInParts();
    } else if (outcome === "no checksum") {
      // The client would send it in parts, but the server wants a single request, which needs a checksum.
      upload.session = null;
      await this.#hashWhole();
      await this.#sendWhole();
    }
  }

  /** @returns {Promise<"arrived"|"in parts"|"no checksum">} */
  async #tryWhole() {
    const { pool, signer } = this.#tools;
    const task = { file: this.#upload.key, size: this.#requestSize, signal: this.#signal };
    try {
      // Signed ahead, so that no lane waits for the server. A plan for parts makes the server call storage, so only one
      // at a time is made, when its file's turn has come.
      if (this.#upload.partSize === null && (await this.#sign((file) => signer.sign(file)))) return "arrived";
      return await pool.run(task, () => this.#signAndSend());
    } catch (error) {
      return this.#interpret(error);
    }
  }

  /**
   * Has the request signed, unless it has a signature that can be used.
   * @param {(file: Beginning) => Promise<Begun>} [ask]
   * @returns {Promise<boolean>} whether the file has arrived, so that there is nothing to send
   */
  async #sign(ask) {
    const upload = this.#upload;
    if (this.#request && isExpiring(this.#request)) upload.session = null;
    if (upload.session) return false;
    // The signature has expired or the connection stalled, and the file may have arrived before.
    if (upload.id && upload.mayHaveArrived && (await arrivedAs(upload.id, this.#tools.api))) return true;
    await this.#begin(ask);
    return false;
  }

  /** @returns {Promise<"arrived"|"in parts"|"no checksum">} */
  async #signAndSend() {
    const upload = this.#upload;
    if (await this.#sign()) return "arrived";
    if (!this.#request) return "in parts";
    if (!upload.sha256) return "no checksum";
    await assertReadable(upload.file, upload.size);
    this.#signal.throwIfAborted();
    this.#report.enter("uploading");
    await send(this.#request, upload.file, {
      signal: this.#stop.now,
      speed: this.#tools.speed,
      onProgress: (sent) => {
        upload.mayHaveArrived = sent >= upload.size;
        this.#report.progress(Math.min(sent, upload.size));
      },
    });
    return "arrived";
  }

  /**
   * Interprets the error of a single request.
   * @param {unknown} error
   * @returns {Promise<"arrived">} if it means success; otherwise rejects with the error
   */
  async #interpret(error) {
    const upload = this.#upload;
    this.#signal.throwIfAborted();
    const remedy = remedyOf(error);
    // The object exists, because an earlier attempt of this request arrived.
    if (remedy === "arrived") return "arrived";
    // A permanent error will not go away with the same signature.
    if (error instanceof StorageError && remedy !== "wait") upload.session = null;
    this.#report.sent(0);
    if (remedy === "read again") {
      upload.sha256 = null;
      await this.#hashWhole();
    }
    if (error instanceof ConnectionLost || error instanceof StorageError) {
      await assertReadable(upload.file, upload.size);
    }
    if (error instanceof Stalled && upload.size > MIN_PART) {
      // The same request would stall again. `#sign` first asks whether it arrived after all.
      Object.assign(upload, { session: null, partSize: MIN_PART });
    }
    throw error;
  }

  /** Bytes of the request that is sent first: a file in parts only begins with it. */
  get #requestSize() {
    return this.#upload.partSize === null ? this.#upload.size : 0;
  }

  async #hashWhole() {
    const upload = this.#upload;
    if (upload.sha256) return;
    this.#report.enter("hashing");
    upload.sha256 = await this.#tools.hasher.sha256(upload.file, this.#signal);
  }

  // --- Multipart ---------------------------------------------------------------------------------

  async #sendInParts() {
    for (let round = 1; ; round += 1) {
      try {
        const arrived = await this.#arrivedParts();
        this.#report.enter("uploading");
        const sender = new PartSender(this.#upload, this.#parts, arrived, this.#tools, this.#stop, {
          onProgress: (sent) => this.#report.progress(sent),
          onSafe: rememberingSafe(this.#upload, this.#tools),
          onWait: (reason) => this.#report.wait(reason),
        });
        await sender.run();
        await this.#complete();
        return;
      } catch (error) {
        this.#signal.throwIfAborted();
        if (codeOf(error) === "upload_completed") return;
        if (round === ROUNDS) throw error;
        if (codeOf(error) === "parts_missing") continue;
        if (error instanceof PartsTooLarge) {
          this.#upload.partSize = MIN_PART;
          if (!(await abort(this.#parts, this.#tools, this.#signal))) return;
        } else if (!isUnknownUpload(error)) throw error;
      }
      await this.#forget();
      await this.#retry().run(() => this.#begin());
      if (!isMultipart(this.#upload.session)) {
        await this.#sendWhole();
        return;
      }
    }
  }

  /**
   * @returns {Promise<Map<number, string>>} the checksums of complete parts in storage, by part number
   */
  async #arrivedParts() {
    const upload = this.#upload;
    const session = this.#parts;
    const { id, token, partSize, partCount, isNew } = session;
    upload.id = id;
    session.isNew = false;
    if (isNew) {
      upload.resumed = 0;
      return new Map();
    }
    const parts = await this.#retry().run(() => this.#tools.api.parts(id, token, this.#signal));
    this.#signal.throwIfAborted();
    /** @param {number} number */
    const sizeOf = (number) => (number < partCount ? partSize : upload.size - (partCount - 1) * partSize);
    const complete = parts.filter((part) => part.size === sizeOf(part.part_number));
    const bytes = complete.reduce((sum, part) => sum + part.size, 0);
    upload.resumed = Math.max(upload.resumed, bytes - upload.transferred);
    upload.acknowledged = bytes;
    this.#report.sent(bytes);
    // Its entry may be of an earlier version, without a name, or say less than storage has.
    await remember(upload, "sending", this.#tools, bytes);
    this.#signal.throwIfAborted();
    return new Map(complete.map((part) => [part.part_number, part.sha256]));
  }

  async #complete() {
    const { id, token } = this.#parts;
    this.#report.enter("confirming");
    this.#report.completing(true);
    try {
      await this.#retry().run(() => this.#tools.api.complete(id, token));
    } finally {
      this.#report.completing(false);
    }
  }

  // --- State -------------------------------------------------------------------------------------

  async #forget() {
    await forget(this.#upload, this.#tools);
    this.#signal.throwIfAborted();
  }

  /** @returns {SignedRequest|undefined} of a file that is sent in one request */
  get #request() {
    const { session } = this.#upload;
    return session?.token === null ? session.request : undefined;
  }

  /** The session of a multipart upload. */
  get #parts() {
    return /** @type {PartsSession} */ (this.#upload.session);
  }

  #retry() {
    return new Retry(this.#tools.connection, this.#signal, (reason) => this.#report.wait(reason));
  }
}
