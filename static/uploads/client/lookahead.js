/** Milliseconds over which finished files are counted. */
const PERIOD = 10_000;
/** How many times as many files are prepared. */
const FACTOR = 4;
const MIN = 24;
const MAX = 200;

/**
 * How many small files are worked on at the same time. Those that wait for a lane are read and signed already, many with
 * one request; but no more than are sent in about 40 seconds, or the signatures would expire. Pure.
 */
export class Lookahead {
  /** When files were sent, in milliseconds. @type {number[]} */
  #times = [];

  /** @param {number} now milliseconds */
  sent(now) {
    this.#times.push(now);
  }

  /**
   * @param {number} now milliseconds
   * @returns {number} files
   */
  size(now) {
    const first = this.#times.findIndex((time) => time > now - PERIOD);
    this.#times.splice(0, first === -1 ? this.#times.length : first);
    return Math.min(Math.max(FACTOR * this.#times.length, MIN), MAX);
  }
}
