import { NATIVE_LIMIT, SLICE, sampleOf } from "./digest.js";
import { HashThread } from "./hash-thread.js";

/** @import { Identity } from "./digest.js" */
/** @import { Work } from "./hash-thread.js" */

/** More would read from the disk in turns, and compete with the page and the network for processors. */
const MAX_THREADS = 4;
const MIN_THREADS = 2;

/**
 * @typedef {object} Job
 * @property {Work} work
 * @property {AbortSignal} signal
 * @property {(result: any) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {AbortController} listening removes the listener from the signal
 */

/**
 * Computes checksums in a few workers, so that the page stays responsive and one large file does not hold up the
 * others. Each has at most one slice of a file in memory.
 */
export class Hasher {
  /** @type {Set<Job>} */
  #queue = new Set();
  /** Those without work. @type {HashThread[]} */
  #idle = [];
  #started = 0;
  #workerUrl;
  #max = Math.min(Math.max(navigator.hardwareConcurrency || MIN_THREADS, MIN_THREADS), MAX_THREADS);

  /** @param {string|URL} [workerUrl] where hash-worker.js is served, unless beside this file */
  constructor(workerUrl = new URL("./hash-worker.js", import.meta.url)) {
    this.#workerUrl = workerUrl;
  }

  /**
   * @param {Blob} blob
   * @param {AbortSignal} signal
   * @returns {Promise<string>} base64; rejects with Unreadable when the file cannot be read
   */
  sha256(blob, signal) {
    return this.#submit({ blob }, signal);
  }

  /**
   * Identifies a file when it is chosen again, by its name, size, modification time, first and last MiB.
   * @param {File} file
   * @param {string} name
   * @param {AbortSignal} signal
   * @returns {Promise<string>}
   */
  fingerprint(file, name, signal) {
    return this.sha256(sampleOf(headOf(file, name), file), signal);
  }

  /**
   * Whether `identify` can be used: a larger file does not fit in memory.
   * @param {number} size bytes of a file
   */
  canIdentify(size) {
    return size <= (globalThis.crypto?.subtle ? NATIVE_LIMIT : SLICE);
  }

  /**
   * The fingerprint and the checksum of a whole file, which is read only once.
   * @param {File} file
   * @param {string} name
   * @param {AbortSignal} signal
   * @returns {Promise<Identity>} rejects with Unreadable when the file cannot be read
   */
  identify(file, name, signal) {
    return this.#submit({ file, head: headOf(file, name) }, signal);
  }

  /**
   * @param {Work} work
   * @param {AbortSignal} signal
   * @returns {Promise<any>} what a HashThread returns
   */
  #submit(work, signal) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const listening = new AbortController();
      const job = { work, signal, resolve, reject, listening };
      this.#queue.add(job);
      const leave = () => {
        this.#queue.delete(job);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { signal: listening.signal });
      this.#next();
    });
  }

  async #next() {
    const [job] = this.#queue;
    const thread = job && this.#freeThread();
    if (!thread) return;
    this.#queue.delete(job);
    try {
      job.resolve(await thread.run(job.work, job.signal));
    } catch (error) {
      job.reject(error);
    }
    job.listening.abort();
    this.#idle.push(thread);
    this.#next();
  }

  /** @returns {HashThread|undefined} */
  #freeThread() {
    if (this.#idle.length > 0) return this.#idle.pop();
    if (this.#started === this.#max) return undefined;
    this.#started += 1;
    return new HashThread(this.#workerUrl);
  }
}

/**
 * @param {File} file
 * @param {string} name
 */
function headOf(file, name) {
  return JSON.stringify([name, file.size, file.lastModified]);
}
