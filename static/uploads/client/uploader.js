import { Confirmations } from "./confirmations.js";
import { problemOf } from "./errors.js";
import { findProblem } from "./limits.js";
import { Connection } from "./net/connection.js";
import { Rate } from "./progress/rate.js";
import { Totals } from "./progress/totals.js";
import { discard, removeLeftovers } from "./resume/discard.js";
import { createTools } from "./tools.js";
import { Transfer } from "./transfer.js";
import { Upload } from "./upload.js";

/** Files being worked on, for each request that may be under way: while one is hashed or signed, another is sent. */
const FILES_PER_REQUEST = 2;
const SIGNED_OUT_FOR = 3_000;
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
  #completing = 0;
  #signedOut = false;
  #signedOutAt = -Infinity;
  #transferred = 0;
  #totals = new Totals();
  #connection = new Connection();
  #concurrency;
  #limits;
  #tools;
  #confirmations;

  /**
   * @param {import("./net/api.js").Api} api
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
    const {
      namespace = "default",
      concurrency = 6,
      maxSize = Infinity,
      allowedTypes = ["*"],
      wholeLimit = 64 * MIB,
      workerUrl,
      remember = true,
    } = options;
    this.#concurrency = concurrency;
    this.#limits = { maxSize, allowedTypes };
    this.#tools = createTools(api, this.#connection, { namespace, concurrency, wholeLimit, workerUrl, remember });
    this.#confirmations = new Confirmations({
      ask: (ids) => api.statuses(ids),
      settle: (id, status) => this.#settle(id, status),
      hint: (id) => api.complete(id),
      onSlow: (id) => this.#markSlow(id),
      onSessionEnded: () => this.#endSession(),
    });
    this.rate = new Rate();
    this.#connection.addEventListener("change", () => this.dispatchEvent(new Event("connection")));
    removeLeftovers(this.#tools);
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
    this.#startAnewWhenIdle();
    const added = Array.from(files, (item) =>
      item instanceof File ? new Upload(item) : new Upload(item.file, item.path),
    );
    for (const upload of added) {
      this.#uploads.set(upload.key, upload);
      this.#totals.add(upload);
      this.#emit("add", upload);
      const code = findProblem(upload, this.#limits);
      if (code) {
        this.#fail(upload, { code }, false);
      } else {
        this.#queue.add(upload);
      }
    }
    // A person adds after signing in again; a folder that is still being read adds all the time.
    if (performance.now() - this.#signedOutAt > SIGNED_OUT_FOR) this.#signedOut = false;
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
    // The next run, if there is one, begins when this is over.
    upload.run = discard(upload, upload.run, this.#tools).then((ended) => {
      if (!ended && upload.state === "cancelled" && this.#uploads.has(upload.key)) this.#confirm(upload);
    });
  }

  /** @param {Upload} upload */
  retry(upload) {
    if (upload.canRetry) this.#enqueue(upload);
  }

  /** @param {Upload} upload */
  uploadAgain(upload) {
    if (upload.state !== "stored" || !upload.alreadyStored) return;
    Object.assign(upload, { afresh: true, alreadyStored: false, resumed: 0, session: null, id: null });
    this.#enqueue(upload);
  }

  /**
   * A stored file was deleted: should it be chosen again, it is to be sent.
   * @param {string} id
   */
  forget(id) {
    this.#tools.journal?.removeId(id);
  }

  /** @param {Upload} upload */
  remove(upload) {
    if (!upload.canRemove || !this.#uploads.delete(upload.key)) return;
    this.#totals.remove(upload);
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

  // --- Order -------------------------------------------------------------------------------------

  #enqueue(upload) {
    this.#startAnewWhenIdle();
    this.#signedOut = false;
    this.#totals.change(upload, { state: "queued", counted: true, sent: 0 });
    Object.assign(upload, { problem: null, slow: false, waiting: null });
    this.#emit("state", upload);
    this.#queue.add(upload);
    this.#pump();
  }

  #startAnewWhenIdle() {
    if (!this.#totals.isIdle) return;
    this.#totals.startAnew(this.#uploads.values());
    this.rate = new Rate();
  }

  #stop(upload, reason) {
    this.#queue.delete(upload);
    upload.controller?.abort(reason);
    upload.rate = new Rate();
  }

  #pump() {
    const most = this.#concurrency * FILES_PER_REQUEST;
    while (this.#running < most && this.#queue.size > 0 && !this.#signedOut) {
      const [upload] = this.#queue;
      this.#queue.delete(upload);
      upload.run = this.#run(upload, upload.run);
    }
  }

  async #run(upload, previous) {
    const controller = new AbortController();
    upload.controller = controller;
    this.#running += 1;
    try {
      // An upload that was stopped and set going again has one run at a time.
      await previous;
      const transfer = new Transfer(upload, this.#tools, this.#reportOf(upload, controller.signal), controller.signal);
      const outcome = await transfer.run();
      if (!this.#uploads.has(upload.key)) return;
      if (outcome === "known") {
        Object.assign(upload, { alreadyStored: true, resumed: upload.size });
        this.#setSent(upload, upload.size);
        this.#enter(upload, "stored");
      } else {
        this.#confirm(upload);
      }
    } catch (error) {
      // Of an upload that was stopped, the state is already what it should be.
      if (!controller.signal.aborted) this.#failWith(upload, error);
    } finally {
      this.#running -= 1;
      this.#pump();
    }
  }

  /** @returns {import("./transfer.js").Report} */
  #reportOf(upload, signal) {
    // A run that was stopped may have a last word, which nobody wants to hear.
    const unlessStopped =
      (act) =>
      (...details) =>
        signal.aborted || act(...details);
    return {
      enter: unlessStopped((state) => this.#enter(upload, state)),
      progress: unlessStopped((sent) => this.#progress(upload, sent)),
      sent: unlessStopped((sent) => this.#setSent(upload, sent)),
      wait: unlessStopped((reason) => this.#wait(upload, reason)),
      stepAside: () => {
        this.#running -= 1;
        this.#enter(upload, "queued");
        this.#wait(upload, "other_tab");
        this.#pump();
      },
      stepBack: () => {
        this.#running += 1;
        this.#wait(upload, null);
      },
      completing: (completing) => {
        upload.completing = completing;
        this.#completing += completing ? 1 : -1;
      },
    };
  }

  // --- Confirmation ------------------------------------------------------------------------------

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
      if (!this.#uploads.has(upload.key)) continue;
      if (status.state === "stored") {
        this.#enter(upload, "stored");
        continue;
      }
      upload.session = null;
      this.#tools.journal?.remove(upload.fingerprint, id);
      if (status.state === "rejected") {
        upload.problem = { code: "rejected", message: status.reason ?? undefined };
        this.#enter(upload, "rejected");
      } else {
        this.#fail(upload, { code: "deleted" });
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

  // --- State -------------------------------------------------------------------------------------

  #enter(upload, state) {
    if (upload.state === state) return;
    if (state === "uploading") {
      upload.rate.restart();
      if (this.#transferred === 0) this.rate.update(0);
    }
    this.#totals.change(upload, { state });
    upload.waiting = null;
    this.#emit("state", upload);
  }

  #fail(upload, problem, curable = true) {
    Object.assign(upload, { problem, curable });
    this.#enter(upload, "failed");
  }

  #failWith(upload, error) {
    const { curable, ...problem } = problemOf(error);
    this.#fail(upload, problem, curable);
    if (problem.code === "session_ended") this.#endSession();
    // A fault of this library belongs where somebody sees it.
    if (problem.code === "unexpected") reportError(error);
  }

  #endSession() {
    // Others would only fail one after another; they wait for the next retry.
    this.#signedOut = true;
    this.#signedOutAt = performance.now();
    this.dispatchEvent(new Event("sessionend"));
  }

  #wait(upload, reason) {
    if (upload.waiting === reason || (reason && !upload.busy)) return;
    upload.waiting = reason;
    this.#emit("progress", upload);
  }

  #progress(upload, sent) {
    if (upload.state !== "uploading") return;
    const more = Math.max(0, sent - upload.sent);
    this.#setSent(upload, sent);
    upload.waiting = null;
    upload.transferred += more;
    this.#transferred += more;
    upload.rate.update(upload.transferred);
    this.rate.update(this.#transferred);
    this.#emit("progress", upload);
  }

  #setSent(upload, sent) {
    this.#totals.change(upload, { sent });
  }

  #emit(type, upload) {
    this.dispatchEvent(new CustomEvent(type, { detail: upload }));
  }
}
