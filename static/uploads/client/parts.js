import { ConnectionLost, isCorrupted } from "./errors.js";
import { MAX_PARTS } from "./net/api.js";
import { Batch } from "./net/batch.js";
import { Retry } from "./net/retry.js";
import { send } from "./net/transport.js";

/** @import { SignedRequest } from "./net/api.js" */
/** @import { WaitReason } from "./net/retry.js" */
/** @import { Tools } from "./tools.js" */
/** @import { PartsSession, Upload } from "./upload.js" */

/** How many parts are hashed ahead, while others are being sent. */
const AHEAD = 2;

/**
 * @typedef {object} PartsReport callbacks
 * @property {(sent: number) => void} onProgress receives the bytes of the file that storage has or that were sent
 * @property {(reason: WaitReason|null) => void} onWait
 */

/** Sends the missing parts of a file, several at a time. */
export class PartSender {
  #upload;
  #session;
  #arrived;
  #tools;
  #signal;
  #report;
  /** When one lane fails, it stops the others. */
  #stop = new AbortController();
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
   * @param {AbortSignal} signal
   * @param {PartsReport} report
   */
  constructor(upload, session, arrived, tools, signal, report) {
    this.#upload = upload;
    this.#session = session;
    this.#arrived = arrived;
    this.#tools = tools;
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
    this.#report = report;
    this.#signer = new Batch((parts) => tools.api.signParts(session.id, session.token, parts), MAX_PARTS);
  }

  /** @returns {Promise<void>} rejects with the first error that retrying cannot fix */
  async run() {
    const { partCount } = this.#session;
    this.#done = [...this.#arrived.keys()].reduce((sum, number) => sum + this.#slice(number).size, 0);
    // Parts that storage already has come last, because they are only compared.
    const numbers = Array.from({ length: partCount }, (_, index) => index + 1);
    const missing = numbers.filter((number) => !this.#arrived.has(number));
    const order = [...missing, ...this.#arrived.keys()].values();
    const lanes = Math.min(this.#tools.pool.max + AHEAD, partCount);
    try {
      await Promise.all(Array.from({ length: lanes }, () => this.#runLane(order)));
    } catch (error) {
      this.#stop.abort(error);
      throw error;
    }
  }

  /** @param {Iterable<number>} order shared by all lanes; each takes the next remaining number */
  async #runLane(order) {
    for (const number of order) {
      if (this.#arrived.has(number)) {
        if (await this.#matchesChecksum(number)) continue;
        this.#done -= this.#slice(number).size;
      }
      await this.#sendWithRetries(number);
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
    await retry.run(async () => {
      const checksum = sha256 ?? (await hasher.sha256(part, this.#signal));
      sha256 = checksum;
      try {
        await pool.run(this.#upload.key, () => this.#send(number, part, checksum), this.#signal);
      } catch (error) {
        this.#inFlight.delete(number);
        this.#reportProgress();
        if (isCorrupted(error)) sha256 = null;
        if (error instanceof ConnectionLost) await assertReadable(part);
        throw error;
      }
    });
    this.#inFlight.delete(number);
    this.#done += part.size;
    this.#reportProgress();
  }

  /**
   * @param {number} number
   * @param {Blob} part
   * @param {string} sha256
   */
  async #send(number, part, sha256) {
    // Signed only now, so that the signature cannot expire in the queue.
    const request = await this.#signer.submit({ part_number: number, sha256 }, this.#signal);
    await send(request, part, {
      signal: this.#signal,
      onProgress: (bytes) => {
        this.#inFlight.set(number, Math.min(bytes, part.size));
        this.#reportProgress();
      },
    });
  }

  #reportProgress() {
    let sent = this.#done;
    for (const bytes of this.#inFlight.values()) sent += bytes;
    this.#report.onProgress(sent);
  }

  /** @param {number} number */
  #slice(number) {
    const { partSize } = this.#session;
    return this.#upload.file.slice((number - 1) * partSize, number * partSize);
  }
}

/**
 * Tells an unreadable file from a broken connection: both make a request fail in the same way.
 * @param {Blob} blob
 * @returns {Promise<void>} rejects with a DOMException
 */
export async function assertReadable(blob) {
  await blob.slice(0, 1).arrayBuffer();
}
