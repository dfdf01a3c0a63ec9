/** @import { FileItem, FolderItem } from "../../../static/uploads/page/files/types.js" */

/**
 * @param {string} id
 * @param {string} [path] of its folder
 * @param {string} [name]
 * @param {number} [size] bytes
 * @returns {FileItem}
 */
export function file(id, path = "", name = `${id}.txt`, size = 1) {
  const times = { created_at: "2026-01-01T00:00:00Z", confirmed_at: "2026-01-01T00:00:01Z" };
  const type = { content_type: "text/plain", kind: "text", type_name: "Text", checksum: "" };
  return { kind: "file", key: id, file: { id, file_name: name, folder: path, size, ...type, ...times } };
}

/**
 * @param {string} path
 * @returns {FolderItem}
 */
export function folder(path) {
  return {
    kind: "folder",
    key: `folder:${path}`,
    folder: path,
    name: path.slice(path.lastIndexOf("/") + 1),
    files: 0,
    bytes: 0,
  };
}
