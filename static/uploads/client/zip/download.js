import { StorageError } from "../errors.js";

/** @import { Content } from "./archive.js" */

/**
 * The content of a stored file, for a member of an archive.
 * @param {(signal: AbortSignal) => Promise<string>} sign returns a presigned address of the file
 * @returns {(signal: AbortSignal) => Promise<Content>} signs the address and requests it at once; rejects with a
 *   StorageError, or with what fetch or `sign` reject with
 */
export function download(sign) {
  return async (signal) => {
    const response = await fetch(await sign(signal), { signal, credentials: "omit", cache: "no-store" });
    if (!response.ok || !response.body) throw new StorageError(response.status, await response.text());
    return response.body;
  };
}
