/** How far back the average looks: long enough to be calm, short enough to notice a change of network. */
const WINDOW_SECONDS = 4;

/** A smoothed transfer speed, from readings that come at irregular times. */
export class Rate {
  /** @type {number|null} bytes per second; null until two readings are known */
  speed = null;
  #bytes = null;
  #time = 0;

  /**
   * @param {number} bytes sent so far
   * @param {number} [now] milliseconds
   */
  update(bytes, now = performance.now()) {
    if (this.#bytes === null) {
      this.#bytes = bytes;
      this.#time = now;
      return;
    }
    const seconds = (now - this.#time) / 1000;
    // Readings a few milliseconds apart would divide by almost nothing.
    if (seconds < 0.2) return;
    const current = Math.max(0, bytes - this.#bytes) / seconds;
    const weight = 1 - Math.exp(-seconds / WINDOW_SECONDS);
    this.speed = this.speed === null ? current : this.speed + weight * (current - this.speed);
    this.#bytes = bytes;
    this.#time = now;
  }

  /**
   * @param {number} bytesLeft
   * @returns {number|null} null while it cannot be said
   */
  secondsLeft(bytesLeft) {
    return this.speed > 0 ? bytesLeft / this.speed : null;
  }
}
