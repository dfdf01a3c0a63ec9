import { isMultipart } from "../upload.js";
import { handleFrom } from "./handles.js";

/** @import { Tools } from "../tools.js" */
/** @import { PartsSession, Upload } from "../upload.js" */
/** @import { Description } from "./journal.js" */

/** Milliseconds between records of how much is safe; a fast connection finishes many parts per second. */
const SAFE_INTERVAL = 1_000;

/**
 * Puts an upload into the journal.
 * @param {Upload} upload
 * @param {"sending"|"sent"} state
 * @param {Tools} tools
 * @param {number} [safe] bytes that storage has confirmed
 */
export async function remember(upload, state, { journal }, safe = 0) {
  if (!journal) return;
  const { fingerprint, session } = upload;
  // Without a session there is an id: the file arrived, but its signature has expired.
  const identity = session ?? { id: /** @type {string} */ (upload.id), token: null };
  const file = state === "sending" && isMultipart(session) ? await describe(upload, safe) : undefined;
  await journal.put({ ...identity, fingerprint, state, file });
}

/**
 * Drops an upload that storage or the server no longer knows.
 * @param {Upload} upload
 * @param {Tools} tools
 */
export async function forget(upload, { journal }) {
  const { fingerprint, session } = upload;
  upload.session = null;
  upload.resumed = 0;
  upload.acknowledged = 0;
  if (session) await journal?.remove(fingerprint, session.id);
}

/**
 * @param {Upload} upload a multipart upload
 * @param {Tools} tools
 * @returns {(safe: number) => void} records the bytes that storage has confirmed, if enough time has passed
 */
export function rememberingSafe({ fingerprint, session }, { journal }) {
  const { id } = /** @type {PartsSession} */ (session);
  let next = performance.now() + SAFE_INTERVAL;
  return (safe) => {
    if (performance.now() < next) return;
    next = performance.now() + SAFE_INTERVAL;
    journal?.putSafe(fingerprint, id, safe);
  };
}

/**
 * @param {Upload} upload
 * @param {number} safe bytes
 * @returns {Promise<Description>}
 */
async function describe({ file, path, size, handleSource, about }, safe) {
  return { path, size, modified: file.lastModified, safe, handle: await handleFrom(handleSource), about };
}
