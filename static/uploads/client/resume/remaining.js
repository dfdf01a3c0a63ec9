import { ApiError, codeOf } from "../errors.js";

/** @import { UploadStatus } from "../net/api.js" */
/** @import { Tools } from "../tools.js" */
/** @import { UnfinishedEntry } from "./journal.js" */

/**
 * Finds out what storage has of an upload. If there is nothing to continue, corrects the journal: the upload may have
 * been completed just before a crash, or have been removed since.
 * @param {UnfinishedEntry} entry
 * @param {UploadStatus|undefined} status according to the server
 * @param {Tools} tools
 * @returns {Promise<number|null>} bytes of complete parts; null if there is nothing to continue. Rejects with an ApiError.
 */
export async function safeBytes(entry, status, { api, journal }) {
  const { id, token, fingerprint } = entry;
  let state = status?.state ?? "pending";
  try {
    if (state === "pending") return sizeOfComplete(entry, await api.parts(id, token));
  } catch (error) {
    // Storage knows of a completion before its event has arrived.
    if (codeOf(error) === "upload_completed") state = "stored";
    else if (error instanceof ApiError && error.status === 404) state = "deleted";
    else throw error;
  }
  if (state === "stored") await journal?.put({ ...entry, state: "sent", file: undefined });
  else await journal?.remove(fingerprint, id);
  return null;
}

/**
 * @param {UnfinishedEntry} entry
 * @param {{part_number: number, size: number}[]} parts
 * @returns {number} bytes
 */
function sizeOfComplete({ partSize = 0, partCount = 0, file }, parts) {
  const last = file.size - (partCount - 1) * partSize;
  const complete = parts.filter(({ part_number, size }) => size === (part_number < partCount ? partSize : last));
  return complete.reduce((sum, { size }) => sum + size, 0);
}
