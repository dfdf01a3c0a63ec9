// How a file is divided, so that an interruption costs at most about ten seconds of sending. Pure.

const MIB = 1024 ** 2;
/** S3's limit for each part except the last. */
export const MIN_PART = 5 * MIB;
/** S3's limit. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MAX_PART = 5 * 1024 * MIB;
const MAX_PARTS = 10_000;
/** Seconds that a part should take. */
const PART_SECONDS = 10;
/** Bytes up to which a request is over so quickly that it may use the lane that is kept free. */
const SMALL = MIB;
/** Bytes that are sent in one request before the speed is known. */
const FIRST_WHOLE = 16 * MIB;
/** Parts of a large file, unless they would be smaller than S3 permits. */
const FIRST_PARTS = 1_000;

/**
 * Two, so that one transfers while the other waits for its signature or its response, and because some networks limit
 * each connection.
 */
export const MIN_LANES = 2;

/** @param {number} size bytes */
export function isSmall(size) {
  return size <= SMALL;
}

/**
 * @param {number} size bytes of a file
 * @returns {boolean} whether it may go in several parts, so that it is worth being able to continue it after a reload
 */
export function mayGoInParts(size) {
  return size > MIN_PART;
}

/**
 * @param {number} size bytes of a file
 * @param {object} options
 * @param {number|null} options.speed bytes per second of all requests together; null while it is unknown
 * @param {number} options.wholeLimit bytes that the server accepts in one request
 * @param {number} options.lanes requests for large files at the same time
 * @returns {number|null} the bytes of a part to ask the server for; null for a file that goes in one request
 */
export function partSizeFor(size, { speed, wholeLimit, lanes }) {
  const whole = speed === null ? FIRST_WHOLE : Math.max(2 * MIN_PART, speed * PART_SECONDS);
  if (size <= Math.min(whole, wholeLimit)) return null;
  const wanted = speed === null ? size / FIRST_PARTS : (speed * PART_SECONDS) / lanes;
  const needed = Math.max(MIN_PART, wanted, size / MAX_PARTS);
  return Math.min(Math.ceil(needed / MIB) * MIB, MAX_PART);
}

/**
 * @param {number|null} speed bytes per second of all requests together; null while it is unknown
 * @returns {number} bytes of large requests that may be in flight, beyond `MIN_LANES` requests
 */
export function bytesInFlight(speed) {
  return speed === null ? 0 : speed * PART_SECONDS;
}
