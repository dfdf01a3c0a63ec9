import { ApiError } from "../errors.js";
import { MAX_FILES } from "./api.js";

/** @import { Api, Begun, Beginning } from "./api.js" */
/** @import { Pool } from "./pool.js" */

/** Milliseconds in which another file has to come, or those that wait are signed although no lane needs them yet. */
const GATHER = 100;
/** Milliseconds after which they are signed in any case. */
const LATEST = 1_000;
/** Calls at the same time to a server that signs only one file in each. */
const SINGLE_CALLS = 6;
/** What a server without the call for several files answers: it takes "batch" for the id of an upload. */
const UNKNOWN_CALL = [404, 405];

/**
 * @typedef {object} Waiting
 * @property {Beginning} file
 * @property {(begun: Begun) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/**
 * Has files signed, many in one call. There is one call at a time, so that whatever comes meanwhile goes into the next
 * one; and while no lane is free, files wait a little for others.
 */
export class Signer {
  /** @type {Waiting[]} */
  #waiting = [];
  #calls = 0;
  #timer = 0;
  /** When the first of the files began to wait, in milliseconds. */
  #since = 0;
  #signsSeveral = true;
  #api;
  #pool;

  /**
   * @param {Api} api
   * @param {Pool} pool
   */
  constructor(api, pool) {
    this.#api = api;
    this.#pool = pool;
  }

  /**
   * @param {Beginning} file
   * @returns {Promise<Begun>} rejects as `Api.begin` does
   */
  sign(file) {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) this.#since = performance.now();
      this.#waiting.push({ file, resolve, reject });
      this.#schedule();
    });
  }

  #schedule() {
    if (this.#waiting.length === 0 || this.#calls >= (this.#signsSeveral ? 1 : SINGLE_CALLS)) return;
    const isUrgent = this.#pool.hasRoom(0) || this.#waiting.length >= MAX_FILES || !this.#signsSeveral;
    const left = this.#since + LATEST - performance.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next(), isUrgent ? 0 : Math.max(0, Math.min(GATHER, left)));
  }

  #next() {
    this.#timer = 0;
    const files = this.#waiting.splice(0, this.#signsSeveral ? MAX_FILES : 1);
    if (files.length > 0) this.#call(files);
    this.#schedule();
  }

  /** @param {Waiting[]} files */
  async #call(files) {
    this.#calls += 1;
    try {
      const results = await this.#signAll(files.map(({ file }) => file));
      for (const [index, { resolve, reject }] of files.entries()) {
        const result = results[index];
        if (result instanceof ApiError) reject(result);
        else resolve(result);
      }
    } catch (error) {
      if (this.#lacksCall(error, files)) this.#waiting.unshift(...files);
      else for (const { reject } of files) reject(error);
    } finally {
      this.#calls -= 1;
      this.#schedule();
    }
  }

  /**
   * @param {Beginning[]} files
   * @returns {Promise<(Begun|ApiError)[]>}
   */
  async #signAll(files) {
    return files.length === 1 ? [await this.#api.begin(files[0])] : this.#api.beginAll(files);
  }

  /**
   * @param {unknown} error
   * @param {Waiting[]} files
   */
  #lacksCall(error, files) {
    if (files.length === 1 || !(error instanceof ApiError) || !UNKNOWN_CALL.includes(error.status)) return false;
    this.#signsSeveral = false;
    return true;
  }
}
