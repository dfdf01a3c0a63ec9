import { isSmall } from "./plan.js";

/** The weight of a new measurement: high enough to follow a change of network within a few parts. */
const WEIGHT = 0.4;
/** Milliseconds that a request may take in addition to its bytes. */
const PATIENCE = 60_000;
/** Bytes per second of the slowest connection on which a proxy may hide the progress: 256 kbit/s. */
const SLOWEST = 32 * 1024;
/** Connections become slower; only one that is this many times slower than before is considered dead. */
const TOLERANCE = 4;

/**
 * The speed of all requests to storage together. It counts what storage has confirmed, because progress says only what
 * left the browser: a proxy may take many megabytes at once and forward them slowly.
 */
export class Speed {
  /** @type {number|null} */
  #average = null;
  /** Requests that are large enough to be measured. */
  #running = 0;
  /** The sum over time of `#running`, in request milliseconds. */
  #area = 0;
  #time = 0;
  /** Bytes of all requests in flight. */
  #outstanding = 0;

  /** @returns {number|null} bytes per second; null before the first measurement */
  get bytesPerSecond() {
    return this.#average;
  }

  /** The milliseconds without any sign of progress after which a connection counts as dead. */
  get patience() {
    const slowest = Math.max(SLOWEST, (this.#average ?? 0) / TOLERANCE);
    return PATIENCE + (this.#outstanding / slowest) * 1_000;
  }

  /**
   * A request begins.
   * @param {number} bytes
   * @param {number} [now] milliseconds
   * @returns {(sent: boolean, now?: number) => void} call it when the request has ended; `sent`: its bytes and its
   *   time say something about the speed
   */
  begin(bytes, now = performance.now()) {
    this.#advance(now, bytes, 1);
    const area = this.#area;
    return (sent, end = performance.now()) => {
      this.#advance(end, bytes, -1);
      const elapsed = Math.max(1, end - now);
      // While it ran, the others shared the connection with it.
      if (sent && !isSmall(bytes)) this.#measure(((bytes / elapsed) * (this.#area - area)) / elapsed);
    };
  }

  /**
   * @param {number} now milliseconds
   * @param {number} bytes
   * @param {1|-1} sign
   */
  #advance(now, bytes, sign) {
    this.#area += this.#running * (now - this.#time);
    this.#time = now;
    this.#outstanding += sign * bytes;
    if (!isSmall(bytes)) this.#running += sign;
  }

  /** @param {number} current bytes per millisecond */
  #measure(current) {
    const perSecond = current * 1_000;
    this.#average = this.#average === null ? perSecond : this.#average + WEIGHT * (perSecond - this.#average);
  }
}
