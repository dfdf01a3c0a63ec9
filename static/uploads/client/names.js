/** UTF-8 bytes. S3 stores names as metadata, and file systems have the same limit. */
const MAX_BYTES = 255;
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
 * Shortens a path to what fits in a name: the file, the outermost folder, and as many of the innermost ones as possible.
 * @param {string} path `photos/2026/a.jpg`
 * @returns {string} the path itself if it fits; longer than a name may be only if that of the file is
 */
export function fitPath(path) {
  if (!isNameTooLong(path)) return path;
  const folders = path.split("/");
  const file = /** @type {string} split returns at least one */ (folders.pop());
  if (folders.length === 0) return path;
  const [outermost] = folders;
  for (const start of [`${outermost}/${GAP}/`, `${GAP}/`]) {
    let name = start + file;
    if (isNameTooLong(name)) continue;
    for (const folder of folders.slice(1).reverse()) {
      const longer = start + folder + name.slice(start.length - 1);
      if (isNameTooLong(longer)) break;
      name = longer;
    }
    return name;
  }
  return file;
}
