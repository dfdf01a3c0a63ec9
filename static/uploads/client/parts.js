import { ConnectionLost, remedyOf, Stalled, StorageError } from "./errors.js";
import { MAX_PARTS } from "./net/api.js";
import { Batch } from "./net/batch.js";
import { MIN_PART } from "./net/plan.js";
import { Retry } from "./net/retry.js";
import { send } from "./net/transport.js";
import { assertReadable } from "./reading.js";
import { anySignal } from "./waiting.js";

/** @import { SignedRequest } from "./net/api.js" */
/** @import { Stop } from "./stop.js" */
/** @import { WaitReason } from "./net/retry.js" */
/** @import { Tools } from "./tools.js" */
/** @import { PartsSession, Upload } from "./upload.js" */

/** How many parts are hashed ahead, while others are being sent. */
const AHEAD = 2;
/** Milliseconds for which a signature is used. It is valid for longer, but only the server knows how long. */
const SIGNATURE_FRESH_FOR = 10_000;

/**
 * @typedef {object} PartsReport callbacks
 * @property {(sent: number) => void} onProgress receives the bytes of the file that storage has or that were sent
 * @property {(bytes: number) => void} onSafe receives the bytes of the file that storage has confirmed
 * @property {(reason: WaitReason|null) => void} onWait
 */

/** Not one part arrived in time, and S3 would accept smaller ones. */
export class PartsTooLarge extends Error {}

/** Sends the missing parts of a file, several at a time. */
export class PartSender {
  #upload;
  #session;
  #arrived;
  #tools;
  #stop;
  /** Aborted when no further part shall begin: the upload was stopped or paused, or another lane failed. */
  #signal;
  /** Aborted when the requests in flight shall end too. */
  #sendSignal;
  #report;
  /** When one lane fails, it stops the others. */
  #failure = new AbortController();
  /** @type {Batch<{part_number: number, sha256: string}, SignedRequest>} */
  #signer;
  /** Bytes sent of unfinished parts, by part number. @type {Map<number, number>} */
  #inFlight = new Map();
  /** Bytes of finished parts. */
  #done = 0;

  /**
   * @param {Upload} upload
   * @param {PartsSession} session
   * @param {Map<number, string>} arrived the checksums of the parts that storage has; "" if the part has no checksum
   * @param {Tools} tools
   * @param {Stop} stop
   * @param {PartsReport} report
   */
  constructor(upload, session, arrived, tools, stop, report) {
    this.#upload = upload;
    this.#session = session;
    this.#arrived = arrived;
    this.#tools = tools;
    this.#stop = stop;
    this.#signal = anySignal([stop.soon, this.#failure.signal]);
    this.#sendSignal = anySignal([stop.now, this.#failure.signal]);
    this.#report = report;
    this.#signer = new Batch((parts) => tools.api.signParts(session.id, session.token, parts), MAX_PARTS);
  }

  /**
   * @returns {Promise<void>} rejects with the first error that retrying cannot fix; after a pause, with its reason, once
   *   the parts in flight have ended
   */
  async run() {
    const { partCount } = this.#session;
    this.#done = [...this.#arrived.keys()].reduce((sum, number) => sum + this.#sizeOf(number), 0);
    // Parts that storage already has come last, because they are only compared.
    const numbers = Array.from({ length: partCount }, (_, index) => index + 1);
    const missing = numbers.filter((number) => !this.#arrived.has(number));
    const order = [...missing, ...this.#arrived.keys()].values();
    const lanes = Math.min(this.#tools.pool.max + AHEAD, partCount);
    try {
      await Promise.all(Array.from({ length: lanes }, () => this.#runLane(order)));
    } catch (error) {
      this.#failure.abort(error);
      throw error;
    }
    if (this.#done < this.#upload.size) this.#signal.throwIfAborted();
  }

  /** @param {Iterable<number>} order shared by all lanes; each takes the next remaining number */
  async #runLane(order) {
    try {
      for (const number of order) {
        if (this.#signal.aborted) return;
        if (this.#arrived.has(number)) {
          if (await this.#matchesChecksum(number)) continue;
          this.#done -= this.#sizeOf(number);
        }
        await this.#sendWithRetries(number);
      }
    } catch (error) {
      // During a pause the other lanes finish their parts, whatever happens to this one.
      if (!this.#stop.isPausing) throw error;
    }
  }

  /**
   * The middle of a file may have changed since this part was sent, although its fingerprint has not.
   * @param {number} number
   */
  async #matchesChecksum(number) {
    const checksum = this.#arrived.get(number);
    return !checksum || checksum === (await this.#tools.hasher.sha256(this.#slice(number), this.#signal));
  }

  /** @param {number} number */
  async #sendWithRetries(number) {
    const { connection, hasher, pool } = this.#tools;
    const part = this.#slice(number);
    const retry = new Retry(connection, this.#signal, this.#report.onWait);
    /** @type {string|null} */
    let sha256 = null;
    let hasFailed = false;
    const task = { file: this.#upload.key, size: part.size, signal: this.#signal };
    await retry.run(async () => {
      const checksum = sha256 ?? (await hasher.sha256(part, this.#signal));
      sha256 = checksum;
      try {
        // Ahead, so that no lane waits for the server; but after a failure, which may be an expired signature, just in time.
        const signed = hasFailed ? null : await this.#sign(number, checksum);
        await pool.run(task, () => this.#send(number, part, checksum, signed));
      } catch (error) {
        hasFailed = true;
        this.#inFlight.delete(number);
        this.#reportProgress();
        if (remedyOf(error) === "read again") sha256 = null;
        await this.#examine(error);
        throw error;
      }
    });
    this.#inFlight.delete(number);
    this.#done += this.#sizeOf(number);
    this.#report.onSafe(this.#done);
    this.#reportProgress();
  }

  /**
   * @param {unknown} error of a part
   * @returns {Promise<void>} rejects if there is no point in sending the part again as it is
   */
  async #examine(error) {
    const { file, size } = this.#upload;
    const isRefusal = error instanceof StorageError && error.remedy === "give up";
    if (error instanceof ConnectionLost || isRefusal) await assertReadable(file, size);
    if (error instanceof Stalled && this.#done === 0 && this.#session.partSize > MIN_PART) {
      throw new PartsTooLarge("nothing arrived", { cause: error });
    }
  }

  /**
   * @param {number} number
   * @param {string} sha256
   * @returns {Promise<{request: SignedRequest, time: number}>} `time`: when it was signed, in milliseconds
   */
  async #sign(number, sha256) {
    const time = performance.now();
    const request = await this.#signer.submit({ part_number: number, sha256 }, { signal: this.#signal });
    return { request, time };
  }

  /**
   * @param {number} number
   * @param {Blob} part
   * @param {string} sha256
   * @param {{request: SignedRequest, time: number}|null} signed ahead
   */
  async #send(number, part, sha256, signed) {
    // The part may have waited long for its turn, and its signature may have expired.
    const isFresh = signed && performance.now() - signed.time < SIGNATURE_FRESH_FOR;
    const { request } = isFresh ? signed : await this.#sign(number, sha256);
    await send(request, part, {
      signal: this.#sendSignal,
      speed: this.#tools.speed,
      onProgress: (bytes) => {
        this.#inFlight.set(number, Math.min(bytes, part.size));
        this.#reportProgress();
      },
    });
  }

  #reportProgress() {
    let sent = this.#done;
    for (const bytes of this.#inFlight.values()) sent += bytes;
    this.#upload.acknowledged = this.#done;
    this.#report.onProgress(sent);
  }

  /** @param {number} number */
  #slice(number) {
    const { partSize } = this.#session;
    return this.#upload.file.slice((number - 1) * partSize, number * partSize);
  }

  /**
   * The last part has the rest. Not the size of the slice, which shrinks with a file that is removed.
   * @param {number} number
   */
  #sizeOf(number) {
    const { partSize } = this.#session;
    return Math.min(partSize, this.#upload.size - (number - 1) * partSize);
  }
}
