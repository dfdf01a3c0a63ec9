import { isWithin } from "../place.js";
import { folderOf } from "./item-changes.js";

/** @import { Item } from "../types.js" */

/**
 * @param {Item[]} items
 * @param {string} folder
 * @returns {boolean} whether a move there changes anything: not into one of the folders themselves, nor to where all of
 *   them are
 */
export function canMoveTo(items, folder) {
  if (items.some((item) => item.kind === "folder" && isWithin(folder, item.folder))) return false;
  return items.some((item) => folderOf(item) !== folder);
}
