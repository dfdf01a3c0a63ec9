import { mayGoInParts } from "../../client/index.js";

/** @import { FileHandle, HandleSource } from "../../client/index.js" */

/** What TypeScript does not know: only Chromium has it. @typedef {DataTransferItem & {getAsFileSystemHandle?: () => Promise<FileSystemHandle|null>}} Item */

/** How to find the handles of files. @type {WeakMap<File, HandleSource>} */
const sources = new WeakMap();
/** The handles of the dropped folders in which folders are. @type {WeakMap<FileSystemEntry, Promise<FileSystemHandle|null>>} */
const roots = new WeakMap();

/**
 * @param {File} file
 * @returns {HandleSource|undefined} undefined if the file has to be chosen again after a reload
 */
export function handleOf(file) {
  return sources.get(file);
}

/**
 * @param {File} file
 * @param {FileHandle} handle
 */
export function keepHandle(file, handle) {
  if (mayGoInParts(file.size)) sources.set(file, async () => handle);
}

/**
 * Must be called during the event, because a DataTransferItem is empty after it.
 * @param {Item} item that was dropped
 * @param {File} file
 */
export function keepDroppedFile(item, file) {
  if (!mayGoInParts(file.size)) return;
  const handle = requestHandle(item);
  sources.set(file, async () => asFile(await handle));
}

/**
 * Must be called during the event, because a DataTransferItem is empty after it.
 * @param {Item} item that was dropped
 * @param {FileSystemEntry} folder
 */
export function keepDroppedFolder(item, folder) {
  roots.set(folder, requestHandle(item));
}

/**
 * @param {FileSystemEntry} folder
 * @param {FileSystemEntry[]} folders in it
 */
export function keepFolders(folder, folders) {
  const root = roots.get(folder);
  if (root) for (const inner of folders) roots.set(inner, root);
}

/**
 * Looks for the handle only when it is needed: a folder may have very many files.
 * @param {FileSystemEntry} folder
 * @param {string} path of the file, from the name of the dropped folder
 * @param {File} file
 */
export function keepFileInFolder(folder, path, file) {
  const root = roots.get(folder);
  if (root && mayGoInParts(file.size)) sources.set(file, async () => findIn(await root, path));
}

/**
 * @param {Item} item
 * @returns {Promise<FileSystemHandle|null>} never rejects
 */
async function requestHandle(item) {
  return item.getAsFileSystemHandle?.().catch(() => null) ?? null;
}

/**
 * @param {FileSystemHandle|null} root
 * @param {string} path from the root's own name
 * @returns {Promise<FileHandle|null>}
 */
async function findIn(root, path) {
  if (root?.kind !== "directory") return null;
  const folders = path.split("/").slice(1);
  const name = /** @type {string} a file in a folder has a path */ (folders.pop());
  let folder = /** @type {FileSystemDirectoryHandle} */ (root);
  for (const inner of folders) folder = await folder.getDirectoryHandle(inner);
  return folder.getFileHandle(name);
}

/**
 * @param {FileSystemHandle|null} handle
 * @returns {FileHandle|null}
 */
function asFile(handle) {
  return handle?.kind === "file" ? /** @type {FileHandle} */ (handle) : null;
}
