import { readingLimit } from "../reading.js";
import { orAborted, within } from "../waiting.js";
import { Archive, ZipError } from "./archive.js";
import { openDestination } from "./destination.js";

/** @import { Member } from "./archive.js" */
/** @import { Destination } from "./destination.js" */

/** Milliseconds in which a browser removes what it has written. */
const DISCARDING = 5_000;
/** Bytes that are written at once, because each write takes a while, however small it is. */
const PIECE = 1024 * 1024;

/** @typedef {(written: number, total: number) => void} OnProgress bytes of the archive */

/**
 * Makes a ZIP archive of files and saves it: in a file that the user chooses, or in memory first where the browser
 * cannot write to files.
 * @param {string} name suggested for the archive, such as "Photos.zip"
 * @param {Member[]} members
 * @param {{signal: AbortSignal, onProgress?: OnProgress}} options aborting the signal discards the archive
 * @returns {Promise<boolean>} whether it was saved: false if the user closed the dialog. Rejects with a ZipError, or
 *   with the signal's reason; nothing that looks complete is left then
 */
export async function saveZip(name, members, { signal, onProgress = () => {} }) {
  signal.throwIfAborted();
  const archive = new Archive(members);
  const destination = await openDestination(name, archive.size).catch((error) => {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    throw error;
  });
  if (!destination) return false;
  try {
    await write(archive, destination, signal, onProgress);
    signal.throwIfAborted();
    // Browsers examine the whole archive then.
    await saving(destination.close(), archive.size, signal);
  } catch (error) {
    await within(destination.discard(), DISCARDING).catch(() => {});
    throw error;
  }
  return true;
}

/**
 * @param {Archive} archive
 * @param {Destination} destination
 * @param {AbortSignal} signal
 * @param {OnProgress} onProgress
 */
async function write(archive, destination, signal, onProgress) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  let pending = [];
  let bytes = 0;
  let written = 0;
  const flush = async () => {
    await saving(destination.write(new Blob(pending)), bytes, signal);
    written += bytes;
    pending = [];
    bytes = 0;
    onProgress(written, archive.size);
  };
  for await (const chunk of archive.chunks(signal)) {
    pending.push(/** @type {Uint8Array<ArrayBuffer>} */ (chunk));
    bytes += chunk.length;
    if (bytes >= PIECE) await flush();
  }
  await flush();
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} bytes that are saved
 * @param {AbortSignal} signal
 * @returns {Promise<T>} rejects with a ZipError "not_saved", such as for a full disk or one that does not answer, or with
 *   the signal's reason
 */
async function saving(promise, bytes, signal) {
  try {
    return await within(orAborted(promise, signal), readingLimit(bytes));
  } catch (cause) {
    signal.throwIfAborted();
    throw new ZipError("not_saved", { cause });
  }
}
