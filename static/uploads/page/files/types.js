// The types that the modules of the list share. The server's JSON is described in docs/contract.md.

/**
 * A file as the API lists it.
 * @typedef {object} ListedFile
 * @property {string} id
 * @property {string} file_name
 * @property {string} folder the path of its folder; empty for the root
 * @property {string} content_type
 * @property {string} kind the type group, such as "image"; one of `?type=`
 * @property {string} type_name the type in plain words, such as "PDF", in the user's language
 * @property {number} size bytes
 * @property {string} checksum base64 SHA-256; empty if the upload had none
 * @property {string} created_at ISO 8601, UTC
 * @property {string|null} confirmed_at ISO 8601, UTC
 * @property {"stored"|"scanning"|"trashed"|"rejected"} [state] of a list; otherwise it is stored
 * @property {string} [trashed_at] only in the trash; ISO 8601, UTC
 * @property {string} [purge_at] when it is deleted permanently; only in the trash; ISO 8601, UTC
 * @property {string} [reason] why it was rejected, in the user's language
 * @property {string} [reason_code] stable
 * @property {string} [thumbnail_url] a small picture of it, if there is one
 */

/** @typedef {{kind: "folder", key: string, folder: string, name: string, files: number, bytes: number}} FolderItem `folder` is its path */
/** @typedef {{kind: "file", key: string, file: ListedFile}} FileItem */
/** @typedef {FolderItem | FileItem} Item */

/** @typedef {"files"|"scanning"|"trash"|"rejected"} ViewName */
/** @typedef {"-date"|"date"|"name"|"-name"} Sort */

/**
 * What is listed.
 * @typedef {object} Place
 * @property {ViewName} view
 * @property {string} folder the path of the open folder; empty for the root
 * @property {string} q a search term; empty for none
 * @property {Sort} sort
 * @property {string} type a type group; empty for all
 */

/**
 * A folder with its totals: of the files directly inside; for the root, of all files.
 * @typedef {{folder: string, name: string, files: number, bytes: number, moving_to?: string|null}} FolderInfo
 */

/**
 * A page of a list, as the API returns it.
 * @typedef {object} ListPage
 * @property {FolderInfo|null} folder the open folder; null for a list of files of several folders
 * @property {FolderInfo[]} folders subfolders
 * @property {ListedFile[]} files
 * @property {string|null} next_cursor of the next page; null at the end
 * @property {number|null} examined how many files were compared with a search or a filter; null if an index has them
 */

/** @param {ListedFile} file @returns {FileItem} */
export function fileItem(file) {
  return { kind: "file", key: file.id, file };
}

/** @param {FolderInfo} folder @returns {FolderItem} */
export function folderItem({ folder, name, files, bytes }) {
  return { kind: "folder", key: `folder:${folder}`, folder, name, files, bytes };
}

/** @param {Item} item @returns {string} the name that the list displays */
export function nameOf(item) {
  return item.kind === "folder" ? item.name : item.file.file_name;
}
