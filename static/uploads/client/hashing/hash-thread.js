import { Unreadable } from "../errors.js";
import { readingLimit } from "../reading.js";
import { startTimer } from "../waiting.js";
import { digest, identify } from "./digest.js";

/** @import { Identity } from "./digest.js" */

/**
 * What to compute: the digest of a Blob, or the identity of a file. Blobs are created in the page and files are not
 * sliced there, because each slice waits for the browser's main process.
 * @typedef {{blob: Blob, file?: undefined} | {file: File, head: string, blob?: undefined}} Work
 */

/** One worker that computes checksums, one after another. Without it they are computed in the page. */
export class HashThread {
  /** Null until it is needed, undefined in browsers that cannot start it. @type {Worker|null|undefined} */
  #worker = null;
  #url;

  /** @param {string|URL} url of hash-worker.js */
  constructor(url) {
    this.#url = url;
  }

  /**
   * Must be called again only when the last result is there.
   * @param {Work} work
   * @param {AbortSignal} signal
   * @returns {Promise<string|Identity>} rejects with Unreadable when the file cannot be read
   */
  run(work, signal) {
    if (this.#worker === null) this.#worker = startWorker(this.#url);
    const worker = this.#worker;
    // Without a worker the result is the same, but the page may stutter.
    if (!worker) return compute(work, signal);
    const listening = new AbortController();
    /** @type {Promise<string|Identity>} */
    const result = new Promise((resolve, reject) => {
      const replace = () => {
        worker.terminate();
        this.#worker = undefined;
        resolve(compute(work, signal));
      };
      // Each read of the worker has this limit, so only a worker that does not answer at all exceeds it twice.
      const stopTimer = startTimer(replace, 2 * readingLimit((work.file ?? work.blob).size));
      listening.signal.addEventListener("abort", stopTimer);
      worker.onmessage = ({ data }) => ("result" in data ? resolve(data.result) : reject(errorFrom(data)));
      worker.onerror = (event) => {
        event.preventDefault();
        replace();
      };
      // The worker still replies, and only then receives the next work.
      signal.addEventListener("abort", () => worker.postMessage(null), { signal: listening.signal });
      worker.postMessage(work);
    });
    return result.finally(() => listening.abort());
  }
}

/**
 * @param {Work} work
 * @param {AbortSignal} signal
 */
function compute(work, signal) {
  return work.file ? identify(work.head, work.file) : digest(work.blob, signal);
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
