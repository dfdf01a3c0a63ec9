import { Unreadable } from "./errors.js";
import { within } from "./waiting.js";

/** Milliseconds in which even a disk that sleeps, or a network drive, delivers its first byte. */
const FIRST_BYTE = 30_000;
/** Bytes per millisecond of the slowest drive that is waited for: 64 KiB/s. */
const SLOWEST = 65.536;

/**
 * @param {number} bytes
 * @returns {number} the milliseconds in which they can be read and hashed, or written, or never
 */
export function readingLimit(bytes) {
  return FIRST_BYTE + bytes / SLOWEST;
}

/**
 * @template T
 * @param {PromiseLike<T>} reading
 * @param {number} bytes
 * @returns {Promise<T>} rejects with Unreadable if the browser cannot read them, or does not answer
 */
export async function readable(reading, bytes) {
  try {
    return await within(reading, readingLimit(bytes));
  } catch (error) {
    throw new Unreadable(String(error), { cause: error });
  }
}

/**
 * Tells a file that has changed from a broken connection or a wrong signature: all make a request fail.
 * @param {File} file
 * @param {number} size bytes that it had when it was chosen
 * @returns {Promise<void>} rejects with Unreadable if the file was changed, moved or removed since
 */
export async function assertReadable(file, size) {
  // Chromium's size follows the file on disk, and its slices silently end where the file now ends.
  if (file.size !== size) throw new Unreadable(`${file.size} bytes instead of ${size}`);
  // Reading a slice of no bytes succeeds in any case; reading all of an empty file does not.
  const start = size > 0 ? file.slice(0, 1) : file;
  await readable(start.arrayBuffer(), 1);
}
