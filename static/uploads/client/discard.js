import { tryTake } from "./lock.js";
import { Retry } from "./retry.js";

/** @typedef {object} Tools what all transfers share; described in transfer.js, which imports this module */

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
    if (error.code === "upload_completed") return false;
    if (error.status !== 404) throw error;
  }
  return true;
}

/**
 * Removes what storage has of a cancelled upload. What fails now is done on the next visit.
 * @param {import("./upload.js").Upload} upload
 * @param {Tools} tools
 * @returns {Promise<boolean>} false when it is too late, since the file is complete
 */
export async function discard(upload, tools) {
  // A part on its way could arrive after the abort, and would stay.
  await upload.run;
  const { session, fingerprint } = upload;
  if (upload.state !== "cancelled" || !session?.token) return true;
  // Whoever holds the lock is sending this very file, and needs what storage has.
  const release = tools.journal ? await tryTake(tools.lockName(fingerprint)) : () => {};
  if (!release) return true;
  try {
    await tools.journal?.put({ ...session, fingerprint, state: "cancelled" });
    const ended = await abort(session, tools);
    if (ended) {
      upload.session = null;
      await tools.journal?.remove(fingerprint, session.id);
    }
    return ended;
  } catch (error) {
    console.warn("filehub: the rest of a cancelled upload is removed on the next visit:", error);
    return true;
  } finally {
    release();
  }
}

/**
 * Removes what was cancelled on an earlier visit, when the server could not be reached.
 * @param {Tools} tools
 */
export async function removeLeftovers(tools) {
  try {
    for (const entry of (await tools.journal?.tidy()) ?? []) {
      const release = await tryTake(tools.lockName(entry.fingerprint));
      if (!release) continue;
      try {
        await abort(entry, tools);
        await tools.journal.remove(entry.fingerprint, entry.id);
      } finally {
        release();
      }
    }
  } catch (error) {
    console.warn("filehub: leftovers of cancelled uploads stay for now:", error);
  }
}
