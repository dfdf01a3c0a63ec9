import { readable } from "../reading.js";
import { Sha256 } from "./sha256.js";

/** Bytes up to which crypto.subtle hashes the whole input. Larger inputs are sliced, so that memory stays bounded. */
const NATIVE_LIMIT = 32 * 1024 ** 2;
const SLICE = 4 * 1024 ** 2;

/** Reused, because browsers let unused buffers pile up to the size of the file before they collect them. */
let spareBuffer = new ArrayBuffer(0);

/**
 * Keeps streams alive while they are read. Chromium collects a stream that only a pending read refers to; the read then
 * never ends and blocks every later digest.
 * @type {Set<ReadableStreamBYOBReader>}
 */
const activeReaders = new Set();

/**
 * @param {Blob} blob
 * @param {AbortSignal} signal stops after the current slice
 * @returns {Promise<string>} the SHA-256 in base64, as in S3's checksum header; rejects with the signal's reason, or
 *   with Unreadable when the blob cannot be read
 */
export async function digest(blob, signal) {
  const native = globalThis.crypto?.subtle;
  const bytes =
    native && blob.size <= NATIVE_LIMIT
      ? new Uint8Array(await withBytes(blob, (all) => native.digest("SHA-256", all)))
      : await digestSlices(blob, signal);
  return btoa(String.fromCharCode(...bytes));
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
  const reader = byteReader(blob);
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
