import { Api } from "../../../static/uploads/client/net/api.js";
import { Connection } from "../../../static/uploads/client/net/connection.js";

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

/** From now on every timer fires at once. */
export function hurry() {
  const { setTimeout } = globalThis;
  const atOnce = /** @param {() => void} act */ (act) => setTimeout(act, 0);
  globalThis.setTimeout = /** @type {any} the types of browsers and of node differ */ (atOnce);
}

/**
 * Records the messages of uncaught errors, which would otherwise fail the test.
 * @returns {string[]} filled as they come
 */
export function recordUncaught() {
  /** @type {string[]} */
  const messages = [];
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    messages.push(event.reason.message);
  });
  addEventListener("error", (event) => {
    event.preventDefault();
    messages.push(event.error.message);
  });
  return messages;
}

/**
 * @param {string} name
 * @param {string} [text]
 */
export function makeFile(name, text = "x") {
  return new File([text], name, { lastModified: 1 });
}

/** A connection that tests can interrupt, and on which every wait ends at once. */
export class FakeConnection extends Connection {
  isOnline = true;
  /** What callers would have waited, in milliseconds. @type {number[]} */
  waits = [];

  /** @override */
  get online() {
    return this.isOnline;
  }

  /**
   * @override
   * @param {number} milliseconds
   */
  async wait(milliseconds) {
    this.waits.push(milliseconds);
  }
}

/** The response of a server that starts a multipart upload with one part. */
export const ONE_PART = { token: "t", multipart: { part_size: 5, part_count: 1 } };

/** A fake server, for situations that a real one does not produce on demand. Tests replace its methods. */
export class FakeApi extends Api {
  /** How many uploads were started. */
  begun = 0;
  #response;

  /** @param {typeof ONE_PART | import("../../../static/uploads/client/net/api.js").SignedRequest} response */
  constructor(response) {
    super("csrf-token");
    this.#response = response;
  }

  /** @override */
  async begin() {
    this.begun += 1;
    return { id: `id-${this.begun}`, ...this.#response };
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
    // Never responds: nothing is sent, and the upload can still be cancelled.
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

  /**
   * @override
   * @param {string} _id
   */
  async abort(_id) {
    return null;
  }
}
