/** UTF-8 bytes. S3 stores names as metadata, and file systems have the same limit. */
const MAX_BYTES = 255;
/** UTF-8 bytes of a folder's path, and its levels: uploads/core/folders.py. */
const MAX_FOLDER_BYTES = 400;
const MAX_FOLDER_DEPTH = 32;
/** Stands for the folders that were left out. */
const GAP = "…";

const encoder = new TextEncoder();

/** @param {string} name */
export function isNameTooLong(name) {
  return encoder.encode(name).length > MAX_BYTES;
}

/**
 * @param {string} name
 * @returns {boolean} whether the server would refuse it: it has a control character, or half of a surrogate pair
 */
export function isNameInvalid(name) {
  return /[\p{Cc}\p{Cs}]/u.test(name);
}

/**
 * @param {string} path `photos/2026/a.jpg`
 * @returns {{folder: string, name: string}} the folder, empty for the root, and the name of the file in it
 */
export function splitPath(path) {
  const end = path.lastIndexOf("/");
  return { folder: path.slice(0, Math.max(end, 0)), name: path.slice(end + 1) };
}

/**
 * Shortens a folder to what the server accepts: the outermost folder, and as many of the innermost ones as possible.
 * @param {string} folder `photos/2026`
 * @returns {string} in NFC, as the server stores it
 */
export function fitFolder(folder) {
  const names = folder.normalize("NFC").split("/");
  const [outermost, ...inner] = names.map((name) => (isNameTooLong(name) ? GAP : name));
  if (isFolderShort([outermost, ...inner])) return [outermost, ...inner].join("/");
  /** @type {string[]} */
  let kept = [];
  for (const name of inner.reverse()) {
    if (!isFolderShort([outermost, GAP, name, ...kept])) break;
    kept = [name, ...kept];
  }
  return [outermost, GAP, ...kept].join("/");
}

/** @param {string[]} names */
function isFolderShort(names) {
  return names.length <= MAX_FOLDER_DEPTH && encoder.encode(names.join("/")).length <= MAX_FOLDER_BYTES;
}
