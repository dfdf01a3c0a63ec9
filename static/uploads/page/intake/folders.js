import { isNameTooLong } from "../../client/index.js";

/** The browser delivers files that are requested together at once; more would block the page. */
const AT_ONCE = 20;
/** Files that operating systems create in folders. */
const SYSTEM_FILE = /^(\.DS_Store|Thumbs\.db|desktop\.ini)$/i;

/** @typedef {{file: File, path?: string}} PickedFile */

/**
 * @param {Iterable<File>} files from a folder picker
 * @returns {PickedFile[]}
 */
export function filesFromPicker(files) {
  return Array.from(files)
    .filter((file) => !SYSTEM_FILE.test(file.name))
    .map((file) => withPath(file, file.webkitRelativePath));
}

/**
 * Finds every file in dropped folders and reports them as it goes.
 * @param {FileSystemDirectoryEntry[]} folders
 * @param {object} options
 * @param {AbortSignal} options.signal stops it
 * @param {(files: PickedFile[]) => void} options.onFiles
 * @param {(path: string) => void} options.onUnreadable
 */
export async function readFolders(folders, { signal, onFiles, onUnreadable }) {
  const queue = [...folders];
  for (let folder = queue.shift(); folder && !signal.aborted; folder = queue.shift()) {
    const reader = folder.createReader();
    try {
      // Browsers return the entries of a folder in portions; an empty one marks the end.
      for (let entries = await nextEntries(reader); entries.length > 0; entries = await nextEntries(reader)) {
        queue.push(...entries.filter(isFolder));
        await readFiles(entries.filter(isFile).filter((entry) => !SYSTEM_FILE.test(entry.name)));
        if (signal.aborted) return;
      }
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      onUnreadable(pathOf(folder));
    }
  }

  /** @param {FileSystemFileEntry[]} entries */
  async function readFiles(entries) {
    for (let start = 0; start < entries.length && !signal.aborted; start += AT_ONCE) {
      const files = await Promise.all(entries.slice(start, start + AT_ONCE).map(readFile));
      onFiles(files.filter((file) => file !== null));
    }
  }

  /** @param {FileSystemFileEntry} entry */
  async function readFile(entry) {
    try {
      /** @type {File} */
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
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
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

/** @param {FileSystemEntry} entry */
function pathOf(entry) {
  return entry.fullPath.replace(/^\//, "");
}

/**
 * @param {File} file
 * @param {string} path
 * @returns {PickedFile}
 */
function withPath(file, path) {
  return path && !isNameTooLong(path) ? { file, path } : { file };
}
