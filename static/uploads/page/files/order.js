import { searchKey } from "../text/names.js";
import { nameOf } from "./types.js";

/** @import { Item, Sort } from "./types.js" */

/**
 * @param {Sort} sort
 * @returns {boolean} whether subfolders come before all files, as the server lists them
 */
export function foldersComeFirst(sort) {
  return sort === "-date" || sort === "name";
}

/**
 * Compares items as the server sorts them: by date, folders have their names. Used only until the list is read again.
 * @param {Sort} sort
 * @returns {(one: Item, other: Item) => number}
 */
export function comparing(sort) {
  const direction = sort.startsWith("-") ? -1 : 1;
  const byName = sort.endsWith("name");
  return (one, other) => {
    if (one.kind !== other.kind) return (one.kind === "folder") === foldersComeFirst(sort) ? -1 : 1;
    if (byName)
      return direction * (inOrder(searchKey(nameOf(one)), searchKey(nameOf(other))) || inOrder(one.key, other.key));
    // The ids of files begin with their time.
    return one.kind === "folder" ? inOrder(nameOf(one), nameOf(other)) : direction * inOrder(one.key, other.key);
  };
}

/**
 * @param {string} one
 * @param {string} other
 */
function inOrder(one, other) {
  return one < other ? -1 : one > other ? 1 : 0;
}
