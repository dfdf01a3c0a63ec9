/** How far a new estimate may lie from the shown one before it is believed. */
const TOLERANCE = 0.2;
/** Seconds; more is said by no measurement of a few seconds. */
const LONGEST = 7 * 24 * 3600;

/** A time left that counts down, instead of following each wobble of the estimate. */
export class TimeLeft {
  /** @type {number|null} when it will be over, as now believed */
  #end = null;

  /**
   * @param {number|null} seconds the present estimate; null while there is none
   * @param {number} now milliseconds
   * @returns {number|null} seconds to show
   */
  steady(seconds, now) {
    if (seconds === null || seconds > LONGEST) {
      this.#end = null;
      return null;
    }
    const end = now + seconds * 1_000;
    if (this.#end === null || Math.abs(end - this.#end) > TOLERANCE * seconds * 1_000) {
      this.#end = end;
    }
    return Math.max(0, (this.#end - now) / 1_000);
  }
}
