import { bytes, localDate } from "../text/format.js";
import { listMessages } from "../text/list-messages.js";
import { displayName } from "../text/names.js";
import { lastNameOf } from "./place.js";
import { nameOf } from "./types.js";

/** @import { Item, ListedFile, Place } from "./types.js" */

/**
 * What the list says about an item. Empty texts are left out.
 * @typedef {object} RowText
 * @property {string} name without folders, as it is
 * @property {string} icon of the sprite
 * @property {string} group the type group, which colours the icon
 * @property {string} type in plain words
 * @property {string} size
 * @property {string} sizeHint what the size leaves out
 * @property {string} time ISO 8601
 * @property {string} note a second line
 * @property {string} noteFolder the folder that the note leads to, if it leads anywhere
 * @property {boolean} isProblem whether the note says what is wrong
 */

/**
 * @param {Item} item
 * @param {Place} place in which it is listed
 * @returns {RowText}
 */
export function rowText(item, place) {
  const empty = { sizeHint: "", note: "", noteFolder: "", isProblem: false };
  if (item.kind === "folder") {
    // It counts files directly inside, so none does not mean that it is empty.
    const size = item.files > 0 ? listMessages.files(item.files) : "";
    const sizeHint = size && listMessages.withoutSubfolders;
    const { folder: type } = listMessages;
    return { ...empty, name: item.name, icon: "folder", group: "folder", type, size, sizeHint, time: "" };
  }
  const { file } = item;
  return {
    ...empty,
    name: nameOf(item),
    icon: `kind-${file.kind}`,
    group: file.kind,
    type: file.type_name,
    size: bytes(file.size),
    time: place.view === "trash" ? (file.trashed_at ?? file.created_at) : file.created_at,
    ...noteOf(file, place),
  };
}

/**
 * @param {ListedFile} file
 * @param {Place} place
 * @returns {Partial<RowText>}
 */
function noteOf(file, place) {
  if (place.view === "rejected") {
    return { note: displayName(file.reason || listMessages.noReason), isProblem: true };
  }
  if (place.view === "scanning") return { note: listMessages.scanning };
  if (place.view === "trash") {
    return { note: file.purge_at ? listMessages.purgedOn(localDate(new Date(file.purge_at))) : "" };
  }
  if (!place.q) return {};
  const folder = file.folder ? lastNameOf(file.folder) : listMessages.allFiles;
  return { note: listMessages.inFolder(folder), noteFolder: file.folder };
}

/** @param {Place} place @returns {boolean} whether its rows have a second line */
export function hasNotes({ view, q }) {
  return view !== "files" || q !== "";
}
