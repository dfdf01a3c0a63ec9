import { ApiError, codeOf } from "../errors.js";
import { Retry } from "../net/retry.js";
import { report } from "../platform.js";
import { isMultipart } from "../upload.js";
import { arrivedAs } from "./arrival.js";
import { tryTake } from "./lock.js";

/** @import { Tools } from "../tools.js" */
/** @import { Upload } from "../upload.js" */

/**
 * Removes the parts of an upload from storage. It retries until the server can be reached.
 * @param {{id: string, token: string}} session
 * @param {Tools} tools
 * @param {AbortSignal} [signal]
 * @returns {Promise<boolean>} false if it is too late because the upload is complete
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
 * Removes a cancelled upload from storage. If that fails, it is repeated on the next visit.
 * @param {Upload} upload
 * @param {Promise<void>|null} run the upload's run when it was cancelled
 * @param {Tools} tools
 * @returns {Promise<boolean>} false if it is too late because the upload is complete; never rejects
 */
export async function discard(upload, run, tools) {
  /** @type {(() => void)|null} */
  let release = null;
  try {
    // A part in flight could arrive after the abort, and would stay in storage.
    await run;
    const { session, fingerprint } = upload;
    if (upload.state !== "cancelled" || !session) return true;
    // If it has arrived, the file appears in the list.
    if (!isMultipart(session)) return !upload.mayHaveArrived || (await arrivedAs(session.id, tools.api)) !== "stored";
    // The holder of the lock is uploading the same file and needs its parts.
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
 * Removes uploads that were cancelled on an earlier visit while the server could not be reached.
 * @param {Tools} tools
 * @returns {Promise<void>} never rejects
 */
export async function removeLeftovers(tools) {
  const { journal } = tools;
  if (!journal) return;
  for (const entry of await journal.pruneAndListCancelled()) {
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
 * Logs why a cancelled upload is still in storage. A bug is reported as an uncaught error.
 * @param {unknown} error
 */
function reportLeftover(error) {
  if (error instanceof ApiError || error instanceof DOMException) {
    console.warn("filehub: a cancelled upload will be removed from storage on the next visit:", error);
  } else {
    report(error);
  }
}
