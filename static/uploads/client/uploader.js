import { Confirming } from "./confirming.js";
import { problemOf } from "./errors.js";
import { findProblem } from "./limits.js";
import { Lookahead } from "./lookahead.js";
import { Connection } from "./net/connection.js";
import { isSmall } from "./net/plan.js";
import { missingFunctions, report } from "./platform.js";
import { Rate } from "./progress/rate.js";
import { Tracker } from "./progress/tracker.js";
import { discard, removeLeftovers } from "./resume/discard.js";
import { Unfinished } from "./resume/unfinished.js";
import { Slots } from "./slots.js";
import { Stop } from "./stop.js";
import { createTools } from "./tools.js";
import { Transfer } from "./transfer.js";
import { aboutOf, Upload } from "./upload.js";

/** @import { Limits } from "./limits.js" */
/** @import { About, Api } from "./net/api.js" */
/** @import { HandleSource } from "./resume/handles.js" */
/** @import { Report } from "./transfer.js" */
/** @import { Problem } from "./upload.js" */

/**
 * @typedef {object} UploaderEvents see docs/uploader.md
 * @property {CustomEvent<Upload>} add
 * @property {CustomEvent<Upload>} state
 * @property {CustomEvent<Upload>} progress
 * @property {CustomEvent<Upload>} remove
 * @property {Event} connection
 * @property {Event} sessionend
 */

/** Large files in progress for each concurrent request: while one is hashed or signed, another is sent. */
const FILES_PER_REQUEST = 2;
const MIB = 1024 ** 2;

const PAUSED = new DOMException("paused", "AbortError");
const CANCELLED = new DOMException("cancelled", "AbortError");

/**
 * Sends files directly to storage and tracks each one until the server confirms it. docs/uploader.md describes its
 * behaviour, options, events and states.
 */
export class Uploader extends EventTarget {
  /** @type {Map<number, Upload>} */
  #uploads = new Map();
  /** Waiting uploads. Small ones have slots of their own, and need not go through the others to find one. */
  #queues = { small: /** @type {Set<Upload>} */ (new Set()), large: /** @type {Set<Upload>} */ (new Set()) };
  #lookahead = new Lookahead();
  #slots;
  #completing = 0;
  #tracker = new Tracker((type, upload) => this.dispatchEvent(new CustomEvent(type, { detail: upload })));
  #connection = new Connection();
  #limits;
  #destinations;
  #tools;
  #confirming;
  #isUnsupported = missingFunctions().length > 0;

  /**
   * @param {Api} api
   * @param {object} [options] see docs/uploader.md
   * @param {string} [options.namespace]
   * @param {number} [options.concurrency]
   * @param {number} [options.maxSize] bytes
   * @param {string[]} [options.allowedTypes]
   * @param {Record<string, Limits>} [options.destinations] by name
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
      destinations = {},
      wholeLimit = 64 * MIB,
      workerUrl,
      remember = true,
    } = options;
    this.#slots = new Slots(concurrency * FILES_PER_REQUEST, () => this.#lookahead.size(performance.now()));
    this.#limits = { maxSize, allowedTypes };
    this.#destinations = new Map(Object.entries(destinations));
    this.#tools = createTools(api, this.#connection, { namespace, concurrency, wholeLimit, workerUrl, remember });
    this.#confirming = new Confirming({
      api,
      tracker: this.#tracker,
      journal: this.#tools.journal,
      isListed: (upload) => this.#uploads.has(upload.key),
      onFailed: (upload, problem) => this.#fail(upload, problem),
      onSessionEnded: () => this.#connection.signOut(),
    });
    this.#connection.addEventListener("change", () => this.dispatchEvent(new Event("connection")));
    this.#connection.addEventListener("signedout", () => this.dispatchEvent(new Event("sessionend")));
    removeLeftovers(this.#tools);
    /** Uploads that a reload or a crash has interrupted. */
    this.unfinished = new Unfinished(this, (files) => this.add(files), this.#tools);
  }

  /**
   * @override for its types alone
   * @template {keyof UploaderEvents} Type
   * @param {Type} type
   * @param {(event: UploaderEvents[Type]) => void} listener
   * @param {boolean|AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, /** @type {(event: any) => void} */ (listener), options);
  }

  /** @returns {Upload[]} in the order in which they were added */
  get uploads() {
    return [...this.#uploads.values()];
  }

  get size() {
    return this.#uploads.size;
  }

  get totals() {
    return { ...this.#tracker.totals };
  }

  /** Of all uploads together. */
  get rate() {
    return this.#tracker.rate;
  }

  get busy() {
    return this.#tracker.totals.active + this.#completing > 0;
  }

  /** Whether uploads wait until the user has signed in again. */
  get signedOut() {
    return this.#connection.isSignedOut;
  }

  get online() {
    return this.#connection.online;
  }

  /**
   * @param {Iterable<File | (About & {file: File, path?: string, handle?: HandleSource, limits?: Limits})>} files
   * @returns {Upload[]}
   */
  add(files) {
    this.#resetCountsWhenIdle();
    const added = Array.from(files, (item) =>
      item instanceof File
        ? new Upload(item)
        : new Upload(item.file, item.path, item.handle, aboutOf(item), item.limits),
    );
    for (const upload of added) {
      this.#uploads.set(upload.key, upload);
      this.#tracker.add(upload);
      const code = this.#isUnsupported ? "unsupported" : findProblem(upload, this.#limitsOf(upload));
      if (code) {
        this.#fail(upload, { code }, false);
      } else {
        this.#queueOf(upload).add(upload);
      }
    }
    this.#startQueued();
    return added;
  }

  /**
   * Lets the requests in flight end, so that nothing of them is lost. A second call stops them too.
   * @param {Upload} upload
   */
  pause(upload) {
    if (!upload.canPause) return;
    if (upload.state === "uploading") {
      upload.stop?.pause(PAUSED);
      this.#tracker.enter(upload, "pausing");
    } else {
      this.#stop(upload, PAUSED);
      this.#tracker.enter(upload, "paused");
    }
  }

  /** @param {Upload} upload */
  resume(upload) {
    if (upload.canResume) this.#enqueue(upload);
  }

  /** @param {Upload} upload */
  cancel(upload) {
    if (!upload.canCancel) return;
    this.#stop(upload, CANCELLED);
    this.#tracker.enter(upload, "cancelled");
    // A later run starts only after this has finished.
    upload.run = discard(upload, upload.run, this.#tools).then((ended) => {
      if (!ended && upload.state === "cancelled" && this.#uploads.has(upload.key)) this.#confirming.add(upload);
    });
  }

  /** @param {Upload} upload */
  retry(upload) {
    if (upload.canRetry) this.#enqueue(upload);
  }

  /** @param {Upload} upload */
  uploadAgain(upload) {
    if (upload.state !== "stored" || !upload.alreadyStored) return;
    Object.assign(upload, { forceNew: true, alreadyStored: false, resumed: 0, session: null, id: null });
    this.#enqueue(upload);
  }

  /**
   * A stored file was deleted, so it has to be uploaded if it is chosen again.
   * @param {string} id
   */
  forget(id) {
    this.#tools.journal?.removeId(id);
  }

  /** @param {Upload} upload */
  remove(upload) {
    if (!upload.canRemove || !this.#uploads.delete(upload.key)) return;
    this.#tracker.remove(upload);
  }

  /** Ends all waits for the connection or a new sign-in: every request that waits to be repeated is sent now. */
  tryNow() {
    this.#connection.tryNow();
    this.#confirming.tryNow();
  }

  pauseAll() {
    // In reverse order, because a stopped upload would let the next one start.
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

  // --- Queue -------------------------------------------------------------------------------------

  /** @param {Upload} upload */
  #enqueue(upload) {
    this.#resetCountsWhenIdle();
    this.#tracker.queueAgain(upload);
    this.#queueOf(upload).add(upload);
    this.#startQueued();
  }

  #resetCountsWhenIdle() {
    if (this.#tracker.totals.isIdle) this.#tracker.resetCounts(this.#uploads.values());
  }

  /**
   * @param {Upload} upload
   * @param {DOMException} reason
   */
  #stop(upload, reason) {
    this.#queueOf(upload).delete(upload);
    upload.stop?.abort(reason);
    upload.rate = new Rate();
  }

  /** @param {Upload} upload */
  #queueOf(upload) {
    return isSmall(upload.size) ? this.#queues.small : this.#queues.large;
  }

  #startQueued() {
    for (let upload = this.#nextQueued(); upload; upload = this.#nextQueued()) {
      this.#queueOf(upload).delete(upload);
      upload.run = this.#run(upload, upload.run);
    }
  }

  /** @returns {Upload|undefined} that was added first, of those for which there is a slot */
  #nextQueued() {
    const [small] = this.#slots.areFull(true) ? [] : this.#queues.small;
    const [large] = this.#slots.areFull(false) ? [] : this.#queues.large;
    return small && large ? (small.key < large.key ? small : large) : (small ?? large);
  }

  /**
   * @param {Upload} upload
   * @param {Promise<void>|null} previous
   */
  async #run(upload, previous) {
    const stop = new Stop();
    upload.stop = stop;
    const slot = this.#slots.take(isSmall(upload.size));
    try {
      // An upload that was stopped and resumed has only one run at a time.
      await previous;
      const report = this.#reportOf(upload, slot, stop.now);
      const transfer = new Transfer(upload, this.#tools, report, stop);
      const outcome = await transfer.run();
      if (isSmall(upload.size)) this.#lookahead.sent(performance.now());
      if (!this.#uploads.has(upload.key)) return;
      if (outcome === "known") {
        Object.assign(upload, { alreadyStored: true, resumed: upload.size });
        this.#tracker.setSent(upload, upload.size);
        this.#tracker.enter(upload, "stored");
      } else {
        this.#confirming.add(upload);
      }
    } catch (error) {
      if (stop.isPausing && error === PAUSED) {
        this.#stop(upload, PAUSED);
        this.#tracker.enter(upload, "paused");
      } else if (!stop.now.aborted) {
        // A stopped upload already has its new state.
        this.#failWith(upload, error);
      }
    } finally {
      slot.free();
      this.#startQueued();
    }
  }

  /**
   * @param {Upload} upload
   * @param {ReturnType<Slots["take"]>} slot
   * @param {AbortSignal} signal
   * @returns {Report}
   */
  #reportOf(upload, slot, signal) {
    return {
      // A stopped run may still report something, which is ignored.
      enter: (state) => signal.aborted || this.#tracker.enter(upload, state),
      progress: (sent) => signal.aborted || this.#tracker.progress(upload, sent),
      sent: (sent) => signal.aborted || this.#tracker.setSent(upload, sent),
      wait: (reason) => signal.aborted || this.#tracker.wait(upload, reason),
      yieldSlot: () => {
        if (signal.aborted) return;
        slot.yield();
        this.#tracker.enter(upload, "queued");
        this.#tracker.wait(upload, "other_tab");
        this.#startQueued();
      },
      reclaimSlot: () => {
        slot.reclaim();
        if (!signal.aborted) this.#tracker.wait(upload, null);
      },
      completing: (completing) => {
        upload.completing = completing;
        this.#completing += completing ? 1 : -1;
      },
    };
  }

  /** @param {Upload} upload */
  #limitsOf({ about: { destination = "" }, limits }) {
    return limits ?? this.#destinations.get(destination) ?? this.#limits;
  }

  // --- Failure ------------------------------------------------------------------------------------

  /**
   * @param {Upload} upload
   * @param {Problem} problem
   * @param {boolean} [retryable] another attempt may succeed
   */
  #fail(upload, problem, retryable = true) {
    Object.assign(upload, { problem, retryable });
    this.#tracker.enter(upload, "failed");
  }

  /**
   * @param {Upload} upload
   * @param {unknown} error
   */
  #failWith(upload, error) {
    const { retryable, ...problem } = problemOf(error);
    this.#fail(upload, problem, retryable);
    // A bug in this library must be visible.
    if (problem.code === "unexpected") report(error);
  }
}
