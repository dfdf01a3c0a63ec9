/** Time constant of the average: long enough to be steady, short enough to notice a change of network. */
const WINDOW_SECONDS = 5;
/** Readings closer together than this would divide by almost zero. */
const MIN_SECONDS = 0.2;

/** A smoothed transfer speed, from readings at irregular intervals. */
export class Rate {
  /** @type {number|null} */
  #average = null;
  /** @type {number|null} */
  #bytes = null;
  #time = 0;

  /**
   * @param {number} bytes sent so far; never fewer than before
   * @param {number} [now] milliseconds
   */
  update(bytes, now = performance.now()) {
    if (this.#bytes === null) {
      this.#bytes = bytes;
      this.#time = now;
      return;
    }
    const seconds = (now - this.#time) / 1000;
    if (seconds < MIN_SECONDS) return;
    const current = (bytes - this.#bytes) / seconds;
    const weight = 1 - Math.exp(-seconds / WINDOW_SECONDS);
    this.#average = this.#average === null ? current : this.#average + weight * (current - this.#average);
    this.#bytes = bytes;
    this.#time = now;
  }

  /** Starts a new measurement after a pause; the average is kept. */
  restart() {
    this.#bytes = null;
  }

  /** @returns {number|null} bytes per second; null before the second reading; decays while there are no readings */
  get speed() {
    if (this.#average === null) return null;
    const idle = Math.max(0, (performance.now() - this.#time) / 1000 - 1);
    return this.#average * Math.exp(-idle / WINDOW_SECONDS);
  }

  /**
   * @param {number} bytesLeft
   * @returns {number|null} null while it is unknown
   */
  secondsLeft(bytesLeft) {
    const speed = this.speed;
    return speed !== null && speed >= 1 ? bytesLeft / speed : null;
  }
}
