import { Sha256 } from "./sha256.js";

/** Up to here the browser's own SHA-256 gets everything at once; beyond, memory must not grow with the input. */
const AT_ONCE = 32 * 1024 ** 2;
const SLICE = 4 * 1024 ** 2;

/** Used again and again: browsers let dead buffers pile up to the size of the file before they collect them. */
let spare = new ArrayBuffer(0);

/**
 * Streams that are being read. Chromium collects one to which nothing but a waiting read refers, and that read never
 * ends: with it everything would stand still that is to be hashed after it.
 */
/** @type {Set<ReadableStreamBYOBReader>} */
const open = new Set();

/**
 * @param {Blob} blob
 * @param {AbortSignal} signal stops it after the current slice
 * @returns {Promise<string>} the SHA-256 in base64, as S3's checksum header carries it; rejects with the signal's
 *   reason, or with a DOMException when the blob cannot be read
 */
export async function digest(blob, signal) {
  const native = globalThis.crypto?.subtle;
  const bytes =
    native && blob.size <= AT_ONCE
      ? new Uint8Array(await reading(blob, (all) => native.digest("SHA-256", all)))
      : await inSlices(blob, signal);
  return btoa(String.fromCharCode(...bytes));
}

/**
 * @param {Blob} blob
 * @param {AbortSignal} signal
 */
async function inSlices(blob, signal) {
  const hash = new Sha256();
  for (let start = 0; start < blob.size; start += SLICE) {
    signal.throwIfAborted();
    await reading(blob.slice(start, start + SLICE), (bytes) => hash.update(bytes));
  }
  return hash.digest();
}

/**
 * @template T
 * @param {Blob} blob
 * @param {(bytes: Uint8Array<ArrayBuffer>) => T|Promise<T>} use
 * @returns {Promise<T>}
 */
async function reading(blob, use) {
  const reader = byteReader(blob);
  if (!reader) return use(new Uint8Array(await blob.arrayBuffer()));
  let buffer = spare.byteLength >= blob.size ? spare : new ArrayBuffer(blob.size);
  spare = new ArrayBuffer(0);
  let length = 0;
  open.add(reader);
  try {
    while (length < blob.size) {
      // The reader takes the buffer away and gives it back under another name.
      const { value, done } = await reader.read(new Uint8Array(buffer, length, blob.size - length));
      if (done) break;
      buffer = value.buffer;
      length += value.byteLength;
    }
  } finally {
    open.delete(reader);
  }
  const result = await use(new Uint8Array(buffer, 0, length));
  spare = buffer;
  return result;
}

/**
 * Null where a Blob cannot be read into a buffer of one's own (Safari).
 * @param {Blob} blob
 */
function byteReader(blob) {
  try {
    return blob.stream().getReader({ mode: "byob" });
  } catch {
    return null;
  }
}
