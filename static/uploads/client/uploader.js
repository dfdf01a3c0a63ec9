import { ApiError } from "./api.js";
import { Confirmations } from "./confirmations.js";
import { sha256 } from "./hash.js";
import { Rate } from "./rate.js";
import { sleep } from "./sleep.js";
import { ConnectionLost, send } from "./transport.js";

/** S3 keeps names as metadata, and file systems stop here too. */
const MAX_NAME_BYTES = 255;
const SIGN_ATTEMPTS = 4;
const LONGEST_WAIT_SECONDS = 30;
/** A signed request this close to its end is not worth starting with. */
const EXPIRY_MARGIN = 10_000;

/** @typedef {"queued"|"hashing"|"uploading"|"confirming"|"stored"|"failed"|"cancelled"|"rejected"} State */

/**
 * Why an upload failed. `message` is the server's own sentence, when it gave one; `code` is the server's slug or one of
 * too_large, type_not_allowed, name_too_long, unreadable, changed, connection_lost, storage_refused, network, deleted,
 * session_ended.
 * @typedef {{code: string, message?: string}} Problem
 */

/** One file on its way. Read it freely; only the Uploader changes it. */
export class Upload {
  static #count = 0;
  /** Unlike `id`, never changes. */
  key = ++Upload.#count;
  /** @type {string|null} the id that the server gave, also the id of the stored file */
  id = null;
  /** @type {State} */
  state = "queued";
  sent = 0;
  rate = new Rate();
  /** @type {Problem|null} */
  problem = null;
  canRetry = true;
  /** Confirming takes longer than usual. */
  slow = false;

  /** @type {object|null} the signed request */
  request = null;
  /** @type {string|null|undefined} undefined: not computed yet */
  hash = undefined;
  /** All bytes have left, so storage may have the file even if we heard nothing. */
  sentAll = false;
  /** @type {AbortController|null} */
  controller = null;

  /** @param {File} file */
  constructor(file) {
    this.file = file;
    this.name = file.name;
    this.size = file.size;
    // Some types are unknown to the browser, and an empty one would not match its signature.
    this.type = file.type || "application/octet-stream";
  }

  /** Bytes are being read or sent: leaving the page now would lose them. */
  get busy() {
    return this.state === "hashing" || this.state === "uploading";
  }

  get finished() {
    return ["stored", "failed", "cancelled", "rejected"].includes(this.state);
  }
}

/**
 * Sends files straight to storage, a few at a time, and follows each until the server says that it is stored.
 *
 * Events, each with the Upload as `detail`: `add`, `state` (it entered another state), `progress`, `remove`; and
 * `sessionend` without one.
 */
export class Uploader extends EventTarget {
  /** @type {Map<number, Upload>} */
  #uploads = new Map();
  /** @type {Upload[]} */
  #queue = [];
  #running = 0;
  #config;
  #api;
  #confirmations;

  /**
   * @param {{max_size: number, allowed_types: string[], hash_limit: number, concurrency: number}} config sizes in bytes
   * @param {Api} api
   */
  constructor(config, api) {
    super();
    this.#config = config;
    this.#api = api;
    this.#confirmations = new Confirmations({
      ask: (ids) => api.statuses(ids),
      settle: (id, status) => this.#settle(id, status),
      hint: (id) => api.complete(id),
      onSlow: (id) => this.#markSlow(id),
      onSessionEnded: () => this.dispatchEvent(new Event("sessionend")),
    });
  }

  /** @returns {Upload[]} in the order they were added */
  get uploads() {
    return [...this.#uploads.values()];
  }

  /** Leaving the page now would lose bytes. What is only confirming is safe. */
  get busy() {
    return this.uploads.some((upload) => upload.busy);
  }

  /**
   * @param {Iterable<File>} files
   * @returns {Upload[]}
   */
  add(files) {
    const added = Array.from(files, (file) => new Upload(file));
    for (const upload of added) {
      this.#uploads.set(upload.key, upload);
      this.#emit("add", upload);
      const problem = this.#check(upload);
      if (problem) {
        this.#fail(upload, problem, false);
      } else {
        this.#queue.push(upload);
      }
    }
    this.#pump();
    return added;
  }

  /** @param {Upload} upload */
  cancel(upload) {
    if (upload.state !== "queued" && !upload.busy) return;
    this.#queue = this.#queue.filter((queued) => queued !== upload);
    upload.controller?.abort();
    this.#enter(upload, "cancelled");
  }

  /** @param {Upload} upload one that failed or was cancelled */
  retry(upload) {
    if (!upload.finished || !upload.canRetry || upload.state === "stored") return;
    upload.problem = null;
    upload.sent = 0;
    upload.rate = new Rate();
    this.#enter(upload, "queued");
    this.#queue.push(upload);
    this.#pump();
  }

  /** Forgets an upload that is finished. */
  remove(upload) {
    if (upload.finished && this.#uploads.delete(upload.key)) {
      this.#emit("remove", upload);
    }
  }

  #check(upload) {
    if (upload.size > this.#config.max_size) return { code: "too_large" };
    if (!isAllowed(upload.type, this.#config.allowed_types)) return { code: "type_not_allowed" };
    if (new TextEncoder().encode(upload.name).length > MAX_NAME_BYTES) return { code: "name_too_long" };
    return null;
  }

  #pump() {
    while (this.#running < this.#config.concurrency && this.#queue.length > 0) {
      const upload = this.#queue.shift();
      const controller = new AbortController();
      upload.controller = controller;
      this.#running += 1;
      this.#run(upload, controller.signal)
        .catch((error) => {
          // After a cancel the upload may already be on its next run, which this one must not touch.
          if (!controller.signal.aborted) this.#failWith(upload, error);
        })
        .finally(() => {
          this.#running -= 1;
          this.#pump();
        });
    }
  }

  async #run(upload, signal) {
    if (!isUsable(upload.request)) {
      if (upload.sentAll && (await this.#hasArrived(upload))) {
        signal.throwIfAborted();
        this.#confirm(upload);
        return;
      }
      await this.#prepare(upload, signal);
    }
    let answer = await this.#send(upload, signal);
    if (answer.status === 403 && hasExpired(answer.body)) {
      await this.#prepare(upload, signal);
      answer = await this.#send(upload, signal);
    }
    signal.throwIfAborted();
    // 412: the object is already there, because an earlier try of this very request arrived.
    if ((answer.status >= 200 && answer.status < 300) || answer.status === 412) {
      this.#confirm(upload);
      return;
    }
    // Whatever storage refused will not be accepted with the same signature.
    upload.request = null;
    upload.sentAll = false;
    if (/BadDigest|ChecksumMismatch|IncompleteBody/.test(answer.body)) {
      upload.hash = undefined;
      this.#fail(upload, { code: "changed" });
    } else {
      this.#fail(upload, { code: "storage_refused" });
    }
  }

  /** Computes the checksum where that is reasonable, and obtains a signed request. */
  async #prepare(upload, signal) {
    if (upload.hash === undefined && upload.size <= this.#config.hash_limit) {
      this.#enter(upload, "hashing");
      upload.hash = await sha256(upload.file);
      signal.throwIfAborted();
    }
    const file = { file_name: upload.name, content_type: upload.type, size: upload.size };
    if (upload.hash) {
      file.sha256 = upload.hash;
    }
    upload.request = await this.#sign(file, signal);
    upload.id = upload.request.id;
    upload.sentAll = false;
  }

  async #sign(file, signal) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#api.begin(file, signal);
      } catch (error) {
        const wait = error.retryAfter ?? attempt;
        if (!error.temporary || attempt === SIGN_ATTEMPTS || wait > LONGEST_WAIT_SECONDS) throw error;
        await sleep(wait * 1_000, signal);
      }
    }
  }

  async #send(upload, signal) {
    upload.sent = 0;
    upload.rate = new Rate();
    this.#enter(upload, "uploading");
    return send(upload.request, upload.file, {
      signal,
      onProgress: (sent) => {
        upload.sent = Math.min(sent, upload.size);
        upload.sentAll = upload.sent === upload.size;
        upload.rate.update(upload.sent);
        this.#emit("progress", upload);
      },
    });
  }

  /** After a lost answer: did an earlier try arrive all the same? */
  async #hasArrived(upload) {
    const [status] = await this.#api.statuses([upload.id]);
    return status?.state === "stored" || status?.state === "rejected";
  }

  #confirm(upload) {
    upload.sent = upload.size;
    upload.slow = false;
    this.#enter(upload, "confirming");
    this.#confirmations.add(upload.id);
  }

  /** @returns {boolean} whether there is nothing more to wait for */
  #settle(id, status) {
    const upload = this.#byId(id);
    if (!upload || upload.state !== "confirming") return true;
    switch (status?.state) {
      case "stored":
        this.#enter(upload, "stored");
        return true;
      case "rejected":
        upload.problem = { code: "rejected", message: status.reason };
        upload.canRetry = false;
        this.#enter(upload, "rejected");
        return true;
      case "deleted":
        upload.request = null;
        upload.sentAll = false;
        this.#fail(upload, { code: "deleted" });
        return true;
      default:
        return false;
    }
  }

  #markSlow(id) {
    const upload = this.#byId(id);
    if (upload) {
      upload.slow = true;
      this.#emit("progress", upload);
    }
  }

  #failWith(upload, error) {
    if (error instanceof ConnectionLost) {
      this.#fail(upload, { code: "connection_lost" });
    } else if (error instanceof ApiError) {
      const ended = error.status === 401;
      const code = ended ? "session_ended" : error.code;
      this.#fail(upload, { code, message: ended ? "" : error.message }, mayHelpAgain(error.status));
      if (ended) this.dispatchEvent(new Event("sessionend"));
    } else if (error instanceof DOMException) {
      // The file was moved, changed or locked after it had been chosen.
      this.#fail(upload, { code: "unreadable" });
    } else {
      this.#fail(upload, { code: "unexpected" });
      throw error;
    }
  }

  #fail(upload, problem, canRetry = true) {
    upload.problem = problem;
    upload.canRetry = canRetry;
    this.#enter(upload, "failed");
  }

  #enter(upload, state) {
    upload.state = state;
    this.#emit("state", upload);
  }

  #emit(type, upload) {
    this.dispatchEvent(new CustomEvent(type, { detail: upload }));
  }

  #byId(id) {
    return this.uploads.find((upload) => upload.id === id);
  }
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

function isUsable(request) {
  return request !== null && Date.parse(request.expires_at) - EXPIRY_MARGIN > Date.now();
}

function hasExpired(body) {
  return /AccessDenied|expired/i.test(body);
}

/** A 4xx is about the request itself, and sending it again changes nothing; with these exceptions. */
function mayHelpAgain(status) {
  return status < 400 || status >= 500 || [401, 403, 408, 409, 429].includes(status);
}
