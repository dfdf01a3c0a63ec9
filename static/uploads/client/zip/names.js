/** UTF-8 bytes of one name: the limit of common file systems. */
const MAX_NAME_BYTES = 255;
/** UTF-8 bytes of a path: the limit of Linux. ZIP itself allows 65,535. */
const MAX_PATH_BYTES = 4_096;
const UNNAMED = "unnamed";

/**
 * Characters that a file system or a terminal would take for something else: control characters, halves of surrogate
 * pairs, controls of the direction of text, and what Windows does not allow in names.
 */
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\\<>:"|?*]/gu;
/** Names that Windows takes for devices, with any extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?=\.|$)/i;

const encoder = new TextEncoder();

/**
 * Makes the paths of an archive safe and different from each other, whatever they were.
 * @param {string[]} paths "photos/a.jpg": names joined with slashes, of any origin
 * @returns {string[]} relative paths without "..", which no file system takes for the same; in the order of `paths`
 */
export function archivePaths(paths) {
  const safe = paths.map(safePath);
  const taken = new Set(safe.flatMap((path) => foldersOf(path).map(key)));
  /** The last number that was tried for a path, so that a thousand equal names are fast. @type {Map<string, number>} */
  const numbers = new Map();
  return safe.map((path) => {
    const first = key(path);
    let number = numbers.get(first) ?? 1;
    let name = number === 1 ? path : numbered(path, number);
    while (taken.has(key(name))) {
      number += 1;
      name = numbered(path, number);
    }
    numbers.set(first, number);
    taken.add(key(name));
    return name;
  });
}

/**
 * @param {string} path
 * @returns {string}
 */
function safePath(path) {
  const names = path.replace(UNSAFE, "_").split("/").filter(isName).map(safeName);
  /** From the end, because the file's own name matters most. @type {string[]} */
  const kept = [];
  let bytes = 0;
  for (const name of names.reverse()) {
    bytes += encoder.encode(name).length + 1;
    if (bytes > MAX_PATH_BYTES) break;
    kept.unshift(name);
  }
  return kept.join("/") || UNNAMED;
}

/**
 * @param {string} name
 * @returns {boolean} whether it is not empty and not a reference to another folder, also in the eyes of Windows, which
 *   ignores spaces and dots at the end
 */
function isName(name) {
  return name.replace(/[. ]+$/, "") !== "";
}

/** @param {string} name */
function safeName(name) {
  const trimmed = name.replace(/[. ]+$/, "");
  return shorten(trimmed.replace(DEVICE, "_$1"), "");
}

/**
 * @param {string} path
 * @param {number} number
 * @returns {string} "photos/a (2).jpg"
 */
function numbered(path, number) {
  const start = path.lastIndexOf("/") + 1;
  return path.slice(0, start) + shorten(path.slice(start), ` (${number})`);
}

/**
 * Puts a suffix before the extension, and shortens what is before it until the name fits.
 * @param {string} name
 * @param {string} suffix
 */
function shorten(name, suffix) {
  const dot = name.lastIndexOf(".");
  const isExtension = dot > 0 && encoder.encode(name.slice(dot)).length <= 32;
  const extension = isExtension ? name.slice(dot) : "";
  const characters = Array.from(isExtension ? name.slice(0, dot) : name);
  const end = suffix + extension;
  let size = encoder.encode(characters.join("") + end).length;
  while (size > MAX_NAME_BYTES) size -= encoder.encode(characters.pop()).length;
  const kept = characters.join("");
  return end ? kept + end : kept.replace(/[. ]+$/, "");
}

/**
 * @param {string} path
 * @returns {string[]} "a" and "a/b" for "a/b/c"
 */
function foldersOf(path) {
  const names = path.split("/");
  return names.slice(1).map((_name, index) => names.slice(0, index + 1).join("/"));
}

/**
 * The same for paths that some file systems take for the same: macOS and Windows ignore case, and macOS also how
 * accents are composed.
 * @param {string} path
 */
function key(path) {
  return path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}
