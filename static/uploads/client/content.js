import { isMultipart } from "./upload.js";

/** @import { Hasher } from "./hashing/hasher.js" */
/** @import { Upload } from "./upload.js" */

/**
 * Compares a whole file with what is stored, since its fingerprint leaves out its middle.
 * @param {Upload} upload with the session in which it was stored
 * @param {string} checksum of the stored file, as in docs/contract.md
 * @param {Hasher} hasher
 * @param {AbortSignal} signal
 */
export async function hasSameContent(upload, checksum, hasher, signal) {
  if (!checksum.includes("-")) {
    upload.sha256 ??= await hasher.sha256(upload.file, signal);
    return upload.sha256 === checksum;
  }
  if (!isMultipart(upload.session)) return true;
  const { partSize, partCount } = upload.session;
  const digests = [];
  for (let number = 1; number <= partCount; number += 1) {
    const part = upload.file.slice((number - 1) * partSize, number * partSize);
    const digest = await hasher.sha256(part, signal);
    digests.push(Uint8Array.from(atob(digest), (character) => character.charCodeAt(0)));
  }
  return `${await hasher.sha256(new Blob(digests), signal)}-${partCount}` === checksum;
}
