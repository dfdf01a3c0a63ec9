import { readable, readingLimit } from "../reading.js";
import { within } from "../waiting.js";
import { Sha256 } from "./sha256.js";

/** Bytes up to which crypto.subtle hashes the whole input. Larger inputs are sliced, so that memory stays bounded. */
export const NATIVE_LIMIT = 32 * 1024 ** 2;
export const SLICE = 4 * 1024 ** 2;
/** Bytes that are read at once. A stream costs more than it saves on a small buffer. */
const AT_ONCE = 256 * 1024;
/** Bytes of a file's beginning and of its end that go into its fingerprint. */
const SAMPLE = 1024 ** 2;

/** Reused, because browsers let unused buffers pile up to the size of the file before they collect them. */
let spareBuffer = new ArrayBuffer(0);

/**
 * Keeps streams alive while they are read. Chromium collects a stream that only a pending read refers to; the read then
 * never ends and blocks every later digest.
 * @type {Set<ReadableStreamBYOBReader>}
 */
const activeReaders = new Set();

/**
 * @typedef {object} Identity of a file
 * @property {string} sha256 base64
 * @property {string} fingerprint base64
 * @property {number} size bytes that could be read
 */

/**
 * @param {Blob} blob
 * @param {AbortSignal} signal stops after the current slice
 * @returns {Promise<string>} the SHA-256 in base64, as in S3's checksum header; rejects with the signal's reason, or
 *   with Unreadable when the blob cannot be read
 */
export async function digest(blob, signal) {
  const native = globalThis.crypto?.subtle;
  const bytes = native && blob.size <= NATIVE_LIMIT ? await withBytes(blob, sha256) : await digestSlices(blob, signal);
  return base64(bytes);
}

/**
 * What a fingerprint is the digest of.
 * @param {string} head describes the file
 * @param {File} file
 */
export function sampleOf(head, file) {
  const start = file.slice(0, SAMPLE);
  const end = file.slice(Math.max(SAMPLE, file.size - SAMPLE));
  return new Blob([head, start, end]);
}

/**
 * Computes both digests of a file while reading it once.
 * @param {string} head as for `sampleOf`
 * @param {File} file of at most NATIVE_LIMIT bytes
 * @returns {Promise<Identity>} rejects with Unreadable when the file cannot be read
 */
export function identify(head, file) {
  return withBytes(file, async (bytes) => {
    const start = bytes.subarray(0, SAMPLE);
    const end = bytes.subarray(Math.max(SAMPLE, bytes.length - SAMPLE));
    const sample = joined([new TextEncoder().encode(head), start, end]);
    const digests = [await sha256(bytes), await sha256(sample)];
    return { sha256: base64(digests[0]), fingerprint: base64(digests[1]), size: bytes.length };
  });
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/**
 * @param {Uint8Array[]} pieces
 * @returns {Uint8Array<ArrayBuffer>}
 */
function joined(pieces) {
  const result = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    result.set(piece, offset);
    offset += piece.length;
  }
  return result;
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<Uint8Array>}
 */
async function sha256(bytes) {
  const native = globalThis.crypto?.subtle;
  try {
    if (native) return new Uint8Array(await within(native.digest("SHA-256", bytes), readingLimit(bytes.length)));
  } catch (error) {
    console.warn("filehub: checksums are computed more slowly, without the browser:", error);
  }
  const hash = new Sha256();
  hash.update(bytes);
  return hash.digest();
}

/**
 * @param {Blob} blob
 * @param {AbortSignal} signal
 */
async function digestSlices(blob, signal) {
  const hash = new Sha256();
  for (let start = 0; start < blob.size; start += SLICE) {
    signal.throwIfAborted();
    await withBytes(blob.slice(start, start + SLICE), (bytes) => hash.update(bytes));
  }
  return hash.digest();
}

/**
 * @template T
 * @param {Blob} blob
 * @param {(bytes: Uint8Array<ArrayBuffer>) => T|Promise<T>} use
 * @returns {Promise<T>}
 */
async function withBytes(blob, use) {
  const reader = blob.size > AT_ONCE ? byteReader(blob) : null;
  if (!reader) return use(new Uint8Array(await readable(blob.arrayBuffer(), blob.size)));
  let buffer = spareBuffer.byteLength >= blob.size ? spareBuffer : new ArrayBuffer(blob.size);
  spareBuffer = new ArrayBuffer(0);
  let length = 0;
  activeReaders.add(reader);
  try {
    while (length < blob.size) {
      // The reader detaches the buffer and returns its memory as a new one.
      const free = new Uint8Array(buffer, length, blob.size - length);
      const { value, done } = await readable(reader.read(free), blob.size);
      if (done) break;
      buffer = value.buffer;
      length += value.byteLength;
    }
  } finally {
    activeReaders.delete(reader);
  }
  const result = await use(new Uint8Array(buffer, 0, length));
  spareBuffer = buffer;
  return result;
}

/**
 * @param {Blob} blob
 * @returns {ReadableStreamBYOBReader|null} null in browsers that cannot read a Blob into a given buffer (Safari)
 */
function byteReader(blob) {
  try {
    return blob.stream().getReader({ mode: "byob" });
  } catch {
    return null;
  }
}
