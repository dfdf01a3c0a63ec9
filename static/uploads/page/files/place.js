/** @import { Place, Sort, ViewName } from "./types.js" */

/** @type {Sort} */
export const NEWEST_FIRST = "-date";
/** @type {Sort[]} */
export const SORTS = [NEWEST_FIRST, "date", "name", "-name"];
/** Type groups, as in uploads/core/type_lists.py. */
export const TYPES = ["image", "video", "audio", "pdf", "document", "text", "code", "archive", "other"];

/** @type {Place} */
export const ROOT = Object.freeze({ view: "files", folder: "", q: "", sort: NEWEST_FIRST, type: "" });

/**
 * What an address shows. uploads/web/place.py reads the same parameters in the same way.
 * @param {string} search the query of the address
 * @returns {Place} what is unknown is left out
 */
export function placeOf(search) {
  const query = new URLSearchParams(search);
  const view = /** @type {ViewName} */ (oneOf(["files", "scanning", "trash", "rejected"], query.get("view")));
  return {
    view,
    folder: view === "files" ? (query.get("folder") ?? "") : "",
    // Not trimmed: spaces are part of names.
    q: query.get("q") ?? "",
    sort: /** @type {Sort} */ (oneOf(SORTS, query.get("sort"))),
    type: oneOf(["", ...TYPES], query.get("type")),
  };
}

/**
 * @param {Place} place
 * @returns {string} its address: only what differs from the root, newest first
 */
export function addressOf(place) {
  const query = new URLSearchParams();
  if (place.view !== "files") query.set("view", place.view);
  if (place.folder) query.set("folder", place.folder);
  if (place.q) query.set("q", place.q);
  if (place.sort !== NEWEST_FIRST) query.set("sort", place.sort);
  if (place.type) query.set("type", place.type);
  // Slashes need no escaping in a query, and are easier to read.
  const text = query.toString().replaceAll("%2F", "/");
  return text ? `/?${text}` : "/";
}

/**
 * @param {Place} place
 * @returns {boolean} whether it is exactly one folder, as it can be sorted
 */
export function isFolder({ view, q }) {
  return view === "files" && q === "";
}

/**
 * @param {Place} place
 * @returns {boolean} whether nothing can be done with its files, so that none can be selected
 */
export function isReadOnly({ view }) {
  return view === "rejected" || view === "scanning";
}

/**
 * @param {Place} place
 * @returns {Sort} the order of its list: those of several folders have only one. Their place keeps the order of the
 *   folder, for the end of the search.
 */
export function orderOf(place) {
  return isFolder(place) ? place.sort : NEWEST_FIRST;
}

/**
 * @param {Place} one
 * @param {Place} other
 */
export function isSamePlace(one, other) {
  return addressOf(one) === addressOf(other);
}

/**
 * @param {string} path of a folder
 * @returns {string} of the folder that contains it; empty for the root
 */
export function parentOf(path) {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

/** @param {string} path of a folder */
export function lastNameOf(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * @param {string} folder the path of a folder
 * @param {string} ancestor another; the root contains all
 * @returns {boolean} whether it is this folder, or inside it
 */
export function isWithin(folder, ancestor) {
  return ancestor === "" || folder === ancestor || folder.startsWith(`${ancestor}/`);
}

/**
 * @param {string[]} values
 * @param {string|null} value
 * @returns {string} the value, or the first one of those that are known
 */
function oneOf(values, value) {
  return value !== null && values.includes(value) ? value : values[0];
}
