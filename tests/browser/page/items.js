import { fileItem, folderItem } from "../../../static/uploads/page/files/types.js";

/** @typedef {import("../../../static/uploads/page/files/types.js").ListedFile} ListedFile */
/** @typedef {import("../../../static/uploads/page/files/types.js").ListPage} ListPage */

/**
 * @param {string} id sorts like the time
 * @param {Partial<ListedFile>} [changes]
 * @returns {ListedFile}
 */
export function makeListedFile(id, changes = {}) {
  return {
    id,
    file_name: `${id}.txt`,
    folder: "",
    content_type: "text/plain",
    kind: "text",
    type_name: "Text",
    size: 1000,
    checksum: "",
    created_at: "2026-01-31T13:05:00Z",
    confirmed_at: "2026-01-31T13:05:01Z",
    ...changes,
  };
}

/**
 * @param {string} id
 * @param {Partial<ListedFile>} [changes]
 */
export function makeItem(id, changes) {
  return fileItem(makeListedFile(id, changes));
}

/** @param {string} path */
export function makeFolder(path) {
  return folderItem(makeFolderInfo(path));
}

/** @param {string} path */
export function makeFolderInfo(path) {
  return { folder: path, name: path.slice(path.lastIndexOf("/") + 1), files: 1, bytes: 10 };
}

/**
 * @param {string[]} ids of the files
 * @param {Partial<ListPage>} [changes]
 * @returns {ListPage}
 */
export function makePage(ids, changes = {}) {
  const files = ids.map((id) => makeListedFile(id));
  return { folder: makeFolderInfo(""), folders: [], files, next_cursor: null, examined: null, ...changes };
}
