/** How far back the average looks: long enough to be calm, short enough to notice a change of network. */
const WINDOW_SECONDS = 5;
/** Readings closer together than this would divide by almost nothing. */
const SHORTEST_SECONDS = 0.2;

/** A smoothed transfer speed, from readings that come at irregular times. */
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
    if (seconds < SHORTEST_SECONDS) return;
    const current = (bytes - this.#bytes) / seconds;
    const weight = 1 - Math.exp(-seconds / WINDOW_SECONDS);
    this.#average = this.#average === null ? current : this.#average + weight * (current - this.#average);
    this.#bytes = bytes;
    this.#time = now;
  }

  /** What was measured before a pause says nothing about what comes after it. */
  restart() {
    this.#bytes = null;
  }

  /** @returns {number|null} bytes per second; null until two readings are known; falls while nothing moves */
  get speed() {
    if (this.#average === null) return null;
    const idle = Math.max(0, (performance.now() - this.#time) / 1000 - 1);
    return this.#average * Math.exp(-idle / WINDOW_SECONDS);
  }

  /**
   * @param {number} bytesLeft
   * @returns {number|null} null while it cannot be said
   */
  secondsLeft(bytesLeft) {
    const speed = this.speed;
    return speed !== null && speed >= 1 ? bytesLeft / speed : null;
  }
}
