import { PreviewProblem } from "./problem.js";

/** @typedef {{bytes: Uint8Array<ArrayBuffer>, isWhole: boolean}} Beginning the first bytes of a file, or all of it */

/** Milliseconds that storage may take before its first byte, and for each KiB after that (16 KiB a second). */
const FIRST_BYTE = 20_000;
const PER_KIB = 60;

/**
 * Reads the first bytes of a file.
 * @param {string} url presigned
 * @param {number} limit bytes
 * @param {AbortSignal} signal
 * @returns {Promise<Beginning>} Rejects with a PreviewProblem, or with the signal's reason.
 */
export async function readBeginning(url, limit, signal) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), FIRST_BYTE + (limit / 1024) * PER_KIB);
  const stop = () => patience.abort();
  signal.addEventListener("abort", stop);
  try {
    // One byte more tells whether there are more.
    const response = await request(url, limit + 1, patience.signal);
    const bytes = await collect(response, limit + 1);
    return { bytes: bytes.subarray(0, limit), isWhole: bytes.length <= limit };
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof PreviewProblem ? error : new PreviewProblem("unreachable");
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    patience.abort();
  }
}

/**
 * Finds out why an element could not load a file, which browsers do not tell.
 * @param {string} url presigned
 * @param {AbortSignal} signal
 * @returns {Promise<PreviewProblem>} `broken` if storage serves the file
 */
export async function diagnose(url, signal) {
  try {
    await readBeginning(url, 1, signal);
    return new PreviewProblem("broken");
  } catch (error) {
    if (error instanceof PreviewProblem) return error;
    throw error;
  }
}

/**
 * @param {string} url
 * @param {number} length bytes
 * @param {AbortSignal} signal
 */
async function request(url, length, signal) {
  const response = await fetch(url, {
    headers: { Range: `bytes=0-${length - 1}` },
    credentials: "omit",
    cache: "no-store",
    referrerPolicy: "no-referrer",
    signal,
  });
  if (response.status === 404) throw new PreviewProblem("gone");
  // S3 also refuses a request that was signed with keys that have expired.
  if (response.status === 403 || response.status === 400) throw new PreviewProblem("expired");
  if (!response.ok || !response.body) throw new PreviewProblem("unreachable");
  return response;
}

/**
 * @param {Response} response
 * @param {number} limit bytes; a server that ignores the range sends more
 */
async function collect(response, limit) {
  const bytes = new Uint8Array(limit);
  let length = 0;
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  while (length < limit) {
    const { done, value } = await reader.read();
    if (done) break;
    const taken = value.subarray(0, limit - length);
    bytes.set(taken, length);
    length += taken.length;
  }
  reader.cancel().catch(() => {});
  return bytes.subarray(0, length);
}
