import { Unreadable } from "../errors.js";
import { readingLimit } from "../reading.js";
import { digest } from "./digest.js";

/** Bytes of a file's beginning and of its end that go into its fingerprint. */
const SAMPLE = 1024 ** 2;

/**
 * @typedef {object} Job
 * @property {Blob} blob
 * @property {AbortSignal} signal
 * @property {(digest: string) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {AbortController} listening removes the listener from the signal
 */

/**
 * Computes checksums in a worker, so that the page stays responsive; one at a time, so that at most one slice of a file
 * is in memory.
 */
export class Hasher {
  /** @type {Job[]} */
  #queue = [];
  /** @type {Job|null} */
  #current = null;
  /** Null until it is needed, undefined in browsers that cannot start it. @type {Worker|null|undefined} */
  #worker = null;
  #workerUrl;

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
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const listening = new AbortController();
      const job = { blob, signal, resolve, reject, listening };
      this.#queue.push(job);
      const leave = () => {
        this.#queue = this.#queue.filter((other) => other !== job);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { signal: listening.signal });
      this.#next();
    });
  }

  /**
   * Identifies a file when it is chosen again, by its name, size, modification time, first and last MiB.
   * @param {File} file
   * @param {string} name
   * @param {AbortSignal} signal
   * @returns {Promise<string>}
   */
  fingerprint(file, name, signal) {
    const head = JSON.stringify([name, file.size, file.lastModified]);
    const start = file.slice(0, SAMPLE);
    const end = file.slice(Math.max(SAMPLE, file.size - SAMPLE));
    return this.sha256(new Blob([head, start, end]), signal);
  }

  async #next() {
    if (this.#current) return;
    const job = this.#queue.shift();
    if (!job) return;
    this.#current = job;
    try {
      job.resolve(await this.#digest(job.blob, job.signal));
    } catch (error) {
      job.reject(error);
    }
    job.listening.abort();
    this.#current = null;
    this.#next();
  }

  /**
   * @param {Blob} blob
   * @param {AbortSignal} signal
   * @returns {Promise<string>}
   */
  #digest(blob, signal) {
    if (this.#worker === null) {
      this.#worker = startWorker(this.#workerUrl);
    }
    const worker = this.#worker;
    // Without a worker the result is the same, but the page may stutter.
    if (!worker) return digest(blob, signal);
    const listening = new AbortController();
    /** @type {Promise<string>} */
    const result = new Promise((resolve, reject) => {
      const replace = () => {
        worker.terminate();
        this.#worker = undefined;
        resolve(digest(blob, signal));
      };
      // Each read of the worker has this limit, so only a worker that does not answer at all exceeds it twice.
      const timer = setTimeout(replace, 2 * readingLimit(blob.size));
      listening.signal.addEventListener("abort", () => clearTimeout(timer));
      worker.onmessage = ({ data }) => ("digest" in data ? resolve(data.digest) : reject(errorFrom(data)));
      worker.onerror = (event) => {
        event.preventDefault();
        replace();
      };
      // The worker still replies, and only then receives the next blob.
      signal.addEventListener("abort", () => worker.postMessage(null), { signal: listening.signal });
      worker.postMessage(blob);
    });
    return result.finally(() => listening.abort());
  }
}

/** @param {{message: string, unreadable: boolean}} reply */
function errorFrom({ message, unreadable }) {
  return unreadable ? new Unreadable(message) : new Error(message);
}

/** @param {string|URL} url */
function startWorker(url) {
  try {
    return new Worker(url, { type: "module" });
  } catch {
    return undefined;
  }
}
