import { ApiError, codeOf } from "../errors.js";
import { Retry } from "../net/retry.js";
import { goesInParts } from "../upload.js";
import { tryTake } from "./lock.js";

/** @import { Tools } from "../tools.js" */
/** @import { Upload } from "../upload.js" */

const QUESTIONS = 3;
const BETWEEN_QUESTIONS = 1_000;

/**
 * Has storage drop the parts of an upload, however long it takes to reach the server.
 * @param {{id: string, token: string}} session
 * @param {Tools} tools
 * @param {AbortSignal} [signal]
 * @returns {Promise<boolean>} false when it is too late, since the file is complete
 */
export async function abort({ id, token }, { api, connection }, signal = new AbortController().signal) {
  try {
    await new Retry(connection, signal).run(() => api.abort(id, token));
  } catch (error) {
    if (codeOf(error) === "upload_completed") return false;
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
  return true;
}

/**
 * Removes what storage has of a cancelled upload. What fails now is done on the next visit.
 * @param {Upload} upload
 * @param {Promise<void>|null} run what was under way when it was cancelled
 * @param {Tools} tools
 * @returns {Promise<boolean>} false when it is too late, since the file is complete; never rejects
 */
export async function discard(upload, run, tools) {
  /** @type {(() => void)|null} */
  let release = null;
  try {
    // A part on its way could arrive after the abort, and would stay.
    await run;
    const { session, fingerprint } = upload;
    if (upload.state !== "cancelled" || !session) return true;
    if (!goesInParts(session)) return !upload.maybeArrived || !(await hasArrived(session.id, tools));
    // Whoever holds the lock is sending this very file, and needs what storage has.
    release = tools.journal ? await tryTake(tools.lockName(fingerprint)) : () => {};
    if (!release) return true;
    await tools.journal?.put({ ...session, fingerprint, state: "cancelled" });
    const ended = await abort(session, tools);
    if (ended) {
      if (upload.session === session) upload.session = null;
      await tools.journal?.remove(fingerprint, session.id);
    }
    return ended;
  } catch (error) {
    reportLeftover(error);
    return true;
  } finally {
    release?.();
  }
}

/**
 * A single request whose last byte had left when it was cancelled: the file may be there, and is then shown.
 * @param {string} id
 * @param {Tools} tools
 */
async function hasArrived(id, { api }) {
  await api.complete(id);
  for (let question = 1; question <= QUESTIONS; question += 1) {
    const [status] = await api.statuses([id]);
    if (status?.state === "stored") return true;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_QUESTIONS));
  }
  return false;
}

/**
 * Removes what was cancelled on an earlier visit, when the server could not be reached.
 * @param {Tools} tools
 * @returns {Promise<void>} never rejects
 */
export async function removeLeftovers(tools) {
  const { journal } = tools;
  if (!journal) return;
  for (const entry of await journal.tidy()) {
    /** @type {(() => void)|null} */
    let release = null;
    try {
      release = await tryTake(tools.lockName(entry.fingerprint));
      if (!release) continue;
      if (entry.token) await abort({ id: entry.id, token: entry.token }, tools);
      await journal.remove(entry.fingerprint, entry.id);
    } catch (error) {
      reportLeftover(error);
    } finally {
      release?.();
    }
  }
}

/**
 * Logs why something of a cancelled upload is still in storage. A bug is reported as an uncaught error.
 * @param {unknown} error
 */
function reportLeftover(error) {
  if (error instanceof ApiError || error instanceof DOMException) {
    console.warn("filehub: the rest of a cancelled upload will be removed on the next visit:", error);
  } else {
    reportError(error);
  }
}
