// Archives of what a test in Python describes: tests/browser/zip/archives.py.

import { Archive } from "../../../static/uploads/client/zip/archive.js";

/**
 * @typedef {object} Described
 * @property {string} path
 * @property {number} modified seconds since 1970
 * @property {string} [content] base64
 * @property {number} [zeros] bytes, instead of a content
 * @property {number} [chunk] bytes that are read at a time
 */

/** One buffer, so that a writer can recognise it and leave a hole instead. */
export const ZEROS = new Uint8Array(1024 * 1024);

/**
 * @param {Described[]} members
 * @returns {Archive}
 */
export function archiveOf(members) {
  return new Archive(
    members.map(({ path, modified, content = "", zeros, chunk = ZEROS.length }) => {
      const bytes = zeros === undefined ? Uint8Array.from(atob(content), (char) => char.charCodeAt(0)) : null;
      const size = bytes ? bytes.length : (zeros ?? 0);
      const open = () => (bytes ? split(bytes, chunk) : zerosOf(size));
      return { path, size, modified: new Date(modified * 1_000), open };
    }),
  );
}

/**
 * @param {Uint8Array} bytes
 * @param {number} size
 */
async function* split(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** @param {number} size */
async function* zerosOf(size) {
  for (let left = size; left > 0; left -= ZEROS.length) {
    yield left >= ZEROS.length ? ZEROS : ZEROS.subarray(0, left);
  }
}

/**
 * @param {Described[]} members
 * @returns {Promise<string>} the archive as a data: URL
 */
export async function archiveUrl(members) {
  const archive = archiveOf(members);
  const chunks = [];
  for await (const chunk of archive.chunks(new AbortController().signal)) chunks.push(/** @type {BlobPart} */ (chunk));
  const blob = new Blob(chunks);
  if (blob.size !== archive.size) throw new Error(`${blob.size} bytes instead of ${archive.size}`);
  return await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(/** @type {string} */ (reader.result));
    reader.readAsDataURL(blob);
  });
}
