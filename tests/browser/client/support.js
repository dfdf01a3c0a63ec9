import { Api } from "../../../static/uploads/client/net/api.js";

export const WORKER_URL = "/static/uploads/client/hashing/hash-worker.js";

/** A signal that is never aborted. */
export const never = new AbortController().signal;

/** @param {number} milliseconds */
export function delay(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** @param {() => unknown} condition */
export async function until(condition) {
  while (!condition()) await delay(5);
}

/**
 * @param {string} name
 * @param {string} [text]
 */
export function makeFile(name, text = "x") {
  return new File([text], name, { lastModified: 1 });
}

/** A connection that tests switch off and on, without real waiting. */
export class FakeConnection extends EventTarget {
  online = true;
  /** What callers would have waited, in milliseconds. @type {number[]} */
  pauses = [];

  /** @param {number} milliseconds */
  async pause(milliseconds) {
    this.pauses.push(milliseconds);
  }

  /** @param {boolean} online */
  change(online) {
    this.online = online;
    this.dispatchEvent(new Event("change"));
  }
}

/** The response of a server for an upload in one part. */
export const ONE_PART = { token: "t", multipart: { part_size: 5, part_count: 1 } };

/** A fake server inside the page, for responses that a real server cannot time. Tests replace its methods. */
export class FakeApi extends Api {
  /** How many uploads were begun. */
  begun = 0;
  #answer;

  /** @param {typeof ONE_PART | import("../../../static/uploads/client/net/api.js").SignedRequest} answer */
  constructor(answer) {
    super("csrf-token");
    this.#answer = answer;
  }

  /** @override */
  async begin() {
    this.begun += 1;
    return { id: `id-${this.begun}`, ...this.#answer };
  }

  /**
   * @override
   * @param {string[]} ids
   * @returns {Promise<import("../../../static/uploads/client/net/api.js").UploadStatus[]>}
   */
  async statuses(ids) {
    return ids.map((id) => ({ id, state: "pending" }));
  }

  /**
   * @override
   * @returns {Promise<import("../../../static/uploads/client/net/api.js").SignedRequest[]>}
   */
  signParts() {
    // There is nothing to send, and a waiting upload can still be cancelled.
    return new Promise(() => {});
  }

  /**
   * @override
   * @returns {Promise<import("../../../static/uploads/client/net/api.js").StoredPart[]>}
   */
  async parts() {
    return [];
  }

  /** @override */
  async complete() {
    return {};
  }

  /** @override */
  async abort() {
    return null;
  }
}
