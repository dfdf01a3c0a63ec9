/** How far a new estimate may deviate from the displayed one before it replaces it. */
const TOLERANCE = 0.2;
/** Seconds; a measurement over a few seconds cannot predict more. */
const LONGEST = 7 * 24 * 3600;

/** A remaining time that counts down steadily instead of following every change of the estimate. */
export class TimeLeft {
  /** The estimated end. @type {number|null} */
  #end = null;

  /**
   * @param {number|null} seconds the current estimate; null while there is none
   * @param {number} now milliseconds
   * @returns {number|null} seconds to display
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
