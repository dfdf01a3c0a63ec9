import { readingLimit } from "../reading.js";
import { within } from "../waiting.js";
import { ZipError } from "./archive.js";

/**
 * The largest archive in bytes where the browser cannot write to a file of the user's choice (Firefox, Safari, phones):
 * the whole archive is in the browser's memory, or in a temporary file of unknown limits, before it is saved.
 */
export const MEMORY_LIMIT = 1_000_000_000;
/** Milliseconds until the address of a saved archive is revoked: by then the browser has surely begun to read it. */
const SAVED_AFTER = 60_000;

/**
 * Where an archive goes. `discard` leaves nothing that looks complete.
 * @typedef {object} Destination
 * @property {(bytes: Blob) => Promise<void>} write
 * @property {() => Promise<void>} close
 * @property {() => Promise<void>} discard
 */

/**
 * What lib.dom does not know yet.
 * https://wicg.github.io/file-system-access/#api-showsavefilepicker
 * @typedef {(options: object) => Promise<FileSystemFileHandle & {remove?: () => Promise<void>}>} ShowSaveFilePicker
 */

/**
 * Asks where to save the archive, if the browser can write there piece by piece. It needs a click of the user then.
 * @param {string} name suggested for the archive
 * @param {number} size bytes
 * @returns {Promise<Destination>} rejects with a DOMException "AbortError" if the user closes the dialog, and with a
 *   ZipError "too_large" if the archive would not fit in memory
 */
export function openDestination(name, size) {
  const { showSaveFilePicker } = /** @type {{showSaveFilePicker?: ShowSaveFilePicker}} */ (globalThis);
  if (showSaveFilePicker) return openFile(showSaveFilePicker, name);
  if (size > MEMORY_LIMIT) return Promise.reject(new ZipError("too_large", { limit: MEMORY_LIMIT }));
  return Promise.resolve(openMemory(name));
}

/**
 * @param {ShowSaveFilePicker} show
 * @param {string} suggestedName
 * @returns {Promise<Destination>}
 */
async function openFile(show, suggestedName) {
  const types = [{ accept: { "application/zip": [".zip"] } }];
  const handle = await show({ id: "filehub-zip", startIn: "downloads", suggestedName, types });
  // The dialog has emptied the file, and it stays empty until the stream is closed.
  const stream = await within(handle.createWritable(), readingLimit(0)).catch((cause) => {
    throw new ZipError("not_saved", { cause });
  });
  return {
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
    discard: async () => {
      await stream.abort().catch(() => {});
      if ((await handle.getFile()).size === 0) await handle.remove?.();
    },
  };
}

/**
 * @param {string} name
 * @returns {Destination}
 */
function openMemory(name) {
  /** @type {Blob[]} */
  let pieces = [];
  return {
    write: async (bytes) => {
      pieces.push(bytes);
    },
    close: async () => offer(new Blob(pieces, { type: "application/zip" }), name),
    discard: async () => {
      pieces = [];
    },
  };
}

/**
 * Has the browser save what is in memory.
 * @param {Blob} blob
 * @param {string} name
 */
function offer(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVED_AFTER);
}
