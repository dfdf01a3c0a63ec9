import { Unreadable } from "./errors.js";
import { assertReadable } from "./reading.js";
import { plannedPartSize } from "./tools.js";
import { isMultipart } from "./upload.js";

/** @import { Hasher } from "./hashing/hasher.js" */
/** @import { Tools } from "./tools.js" */
/** @import { Upload } from "./upload.js" */

/**
 * Computes the fingerprint of a file, and its checksum too if it will probably be sent in one request: then it is read
 * only once.
 * @param {Upload} upload
 * @param {Tools} tools
 * @param {AbortSignal} signal
 * @returns {Promise<void>} rejects with Unreadable if the file was changed, moved or removed since it was chosen
 */
export async function identify(upload, tools, signal) {
  const { file, identity: name, size, partSize, session } = upload;
  const { hasher, journal } = tools;
  const isWhole = !isMultipart(session) && (partSize ?? plannedPartSize(size, tools)) === null;
  if (isWhole && hasher.canIdentify(size)) {
    const identity = await hasher.identify(file, name, signal);
    if (identity.size !== size) throw new Unreadable(`${identity.size} bytes instead of ${size}`);
    Object.assign(upload, { fingerprint: identity.fingerprint, sha256: identity.sha256 });
    return;
  }
  await assertReadable(file, size);
  signal.throwIfAborted();
  if (journal) upload.fingerprint = await hasher.fingerprint(file, name, signal);
}

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
