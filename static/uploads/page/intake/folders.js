import { within } from "../../client/index.js";
import { handleOf, keepFileInFolder, keepFolders } from "./handles.js";
import { isSystemFile, isSystemFolder, isSystemPath } from "./system-files.js";

/** The browser delivers files that are requested together at once; more would block the page. */
const AT_ONCE = 20;
/** Milliseconds in which even a network drive names some files of a folder. */
const TIMEOUT = 30_000;

/** @import { HandleSource } from "../../client/index.js" */

/** @typedef {{file: File, path?: string, handle?: HandleSource}} PickedFile */

/**
 * @param {Iterable<File>} files that were chosen together, from a folder if they have a path
 * @returns {{picked: PickedFile[], leftOut: string[]}} `leftOut`: names of system files
 */
export function sortOut(files) {
  const all = Array.from(files, (file) => withPath(file, file.webkitRelativePath));
  // A single file was meant, whatever its name.
  if (all.length === 1 && !all[0].path) return { picked: all, leftOut: [] };
  const [picked, system] = partition(all, ({ file, path }) => !isSystemPath(path ?? file.name));
  return { picked, leftOut: system.map(({ file }) => file.name) };
}

/**
 * Finds every file in dropped folders and reports them as it goes.
 * @param {FileSystemDirectoryEntry[]} folders
 * @param {object} options
 * @param {AbortSignal} options.signal stops it
 * @param {(files: PickedFile[]) => void} options.onFiles
 * @param {(path: string) => void} options.onUnreadable
 * @param {(name: string) => void} options.onLeftOut receives the names of system files and folders
 */
export async function readFolders(folders, { signal, onFiles, onUnreadable, onLeftOut }) {
  const queue = [...folders];
  for (let folder = queue.shift(); folder && !signal.aborted; folder = queue.shift()) {
    const reader = folder.createReader();
    try {
      // Browsers return the entries of a folder in portions; an empty one marks the end.
      for (let entries = await nextEntries(reader); entries.length > 0; entries = await nextEntries(reader)) {
        const [system, wanted] = partition(entries, isSystemEntry);
        for (const { name } of system) onLeftOut(name);
        const folders = wanted.filter(isFolder);
        keepFolders(folder, folders);
        queue.push(...folders);
        await readFiles(folder, wanted.filter(isFile));
        if (signal.aborted) return;
      }
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      onUnreadable(pathOf(folder));
    }
  }

  /**
   * @param {FileSystemDirectoryEntry} folder
   * @param {FileSystemFileEntry[]} entries
   */
  async function readFiles(folder, entries) {
    for (let start = 0; start < entries.length && !signal.aborted; start += AT_ONCE) {
      const files = await Promise.all(entries.slice(start, start + AT_ONCE).map((entry) => readFile(folder, entry)));
      onFiles(files.filter((file) => file !== null));
    }
  }

  /**
   * @param {FileSystemDirectoryEntry} folder
   * @param {FileSystemFileEntry} entry
   */
  async function readFile(folder, entry) {
    try {
      /** @type {File} */
      const file = await within(new Promise((resolve, reject) => entry.file(resolve, reject)), TIMEOUT);
      keepFileInFolder(folder, pathOf(entry), file);
      return withPath(file, pathOf(entry));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      onUnreadable(pathOf(entry));
      return null;
    }
  }
}

/**
 * @param {FileSystemEntry} entry
 * @returns {entry is FileSystemDirectoryEntry}
 */
function isFolder(entry) {
  return entry.isDirectory;
}

/**
 * @param {FileSystemEntry} entry
 * @returns {entry is FileSystemFileEntry}
 */
function isFile(entry) {
  return entry.isFile;
}

/**
 * @param {FileSystemDirectoryReader} reader
 * @returns {Promise<FileSystemEntry[]>}
 */
function nextEntries(reader) {
  return within(new Promise((resolve, reject) => reader.readEntries(resolve, reject)), TIMEOUT);
}

/** @param {FileSystemEntry} entry */
function pathOf(entry) {
  return entry.fullPath.replace(/^\//, "");
}

/** @param {FileSystemEntry} entry */
function isSystemEntry(entry) {
  return entry.isDirectory ? isSystemFolder(entry.name) : isSystemFile(entry.name);
}

/**
 * @param {File} file
 * @param {string} path
 * @returns {PickedFile}
 */
function withPath(file, path) {
  const handle = handleOf(file);
  return { file, ...(path ? { path } : {}), ...(handle ? { handle } : {}) };
}

/**
 * @template T
 * @param {T[]} items
 * @param {(item: T) => boolean} test
 * @returns {[T[], T[]]} those that pass, and the others
 */
function partition(items, test) {
  return [items.filter(test), items.filter((item) => !test(item))];
}
