/** Seconds over which the speed is averaged: short enough to notice a change of network. */
const SPEED_WINDOW = 5;
/** Seconds over which the average for the time left is taken: long enough for bursts and lanes to even out. */
const PACE_WINDOW = 30;
/** Seconds without progress after which nothing can be predicted. They do not count as slow transfer either. */
const STALL = 15;
/** Seconds that must have been measured before something is predicted: the first ones are slower than those after. */
const MIN_MEASURED = 10;
/** By which factor speed and pace may differ while the pace is trusted. */
const AGREEMENT = 1.5;
/** Seconds after which a difference is a change of the network; bursts take turns with pauses that are shorter. */
const PERSISTENCE = 8;
/** Readings closer together than this would divide by almost zero. */
const MIN_SECONDS = 0.2;

/** A transfer speed that is averaged over the last seconds, weighted by their age. */
class Average {
  #window;
  #bytes = 0;
  #seconds = 0;

  /** @param {number} window seconds */
  constructor(window) {
    this.#window = window;
  }

  /**
   * @param {number} bytes
   * @param {number} seconds in which they were sent
   */
  add(bytes, seconds) {
    const weight = Math.exp(-seconds / this.#window);
    // The bytes are spread over these seconds, the older of which weigh less.
    const recent = this.#window * (1 - weight);
    this.#bytes = this.#bytes * weight + (bytes / seconds) * recent;
    this.#seconds = this.#seconds * weight + recent;
  }

  /**
   * Forgets everything but what another average knows.
   * @param {Average} other
   */
  adopt(other) {
    this.#bytes = other.#bytes;
    this.#seconds = other.#seconds;
  }

  /** @returns {number} bytes per second */
  get value() {
    return this.#seconds > 0 ? this.#bytes / this.#seconds : 0;
  }
}

/** A transfer speed, from readings at irregular intervals, and the time left that it predicts. */
export class Rate {
  #speed = new Average(SPEED_WINDOW);
  #pace = new Average(PACE_WINDOW);
  /** Seconds. */
  #measured = 0;
  /** Whether the speed is higher (1) or lower (-1) than the pace; 0 while they agree. */
  #deviation = 0;
  /** The value of `measured` since which it is so. */
  #deviatesSince = 0;
  #isPredictable = false;
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
    this.#speed.add(bytes - this.#bytes, seconds);
    if (seconds < STALL) {
      this.#pace.add(bytes - this.#bytes, seconds);
      this.#measured += seconds;
      this.#comparePace();
    }
    this.#bytes = bytes;
    this.#time = now;
  }

  /** Notices that the network has become faster or slower for good, so that the pace need not approach it for minutes. */
  #comparePace() {
    const ratio = this.#speed.value / this.#pace.value;
    const deviation = ratio > AGREEMENT ? 1 : ratio < 1 / AGREEMENT ? -1 : 0;
    if (deviation !== this.#deviation) {
      this.#deviation = deviation;
      this.#deviatesSince = this.#measured;
    } else if (deviation !== 0 && this.#measured - this.#deviatesSince >= PERSISTENCE) {
      this.#pace.adopt(this.#speed);
      this.#deviation = 0;
    }
    if (this.#measured >= MIN_MEASURED && this.#deviation === 0) this.#isPredictable = true;
  }

  /** Starts a new measurement after a pause; the averages are kept. */
  restart() {
    this.#bytes = null;
  }

  /** @returns {number|null} bytes per second; null before the second reading; decays while there are no readings */
  get speed() {
    if (this.#measured === 0) return null;
    const idle = Math.max(0, this.#idleAt(performance.now()) - 1);
    return this.#speed.value * Math.exp(-idle / SPEED_WINDOW);
  }

  /**
   * @param {number} bytesLeft
   * @param {number} [now] milliseconds
   * @returns {number|null} null while it is unknown: at the start, and when nothing is transferred any more
   */
  secondsLeft(bytesLeft, now = performance.now()) {
    if (!this.#isPredictable || this.#idleAt(now) >= STALL) return null;
    const pace = this.#pace.value;
    return pace >= 1 ? bytesLeft / pace : null;
  }

  /**
   * @param {number} now milliseconds
   * @returns {number} seconds since the last reading
   */
  #idleAt(now) {
    return (now - this.#time) / 1000;
  }
}
