import { isNameTooLong } from "../../client/index.js";

/** The browser answers for files asked about together in one go; more would hold up the page. */
const AT_ONCE = 20;
/** What systems leave in folders without being asked. */
const LEFTOVER = /^(\.DS_Store|Thumbs\.db|desktop\.ini)$/i;

/** @typedef {{file: File, path?: string}} FoundFile */

/**
 * @param {Iterable<File>} files from a folder picker
 * @returns {FoundFile[]}
 */
export function filesOfPicker(files) {
  return Array.from(files)
    .filter((file) => !LEFTOVER.test(file.name))
    .map((file) => named(file, file.webkitRelativePath));
}

/**
 * Finds every file in dropped folders, and tells of them as it goes.
 * @param {FileSystemDirectoryEntry[]} folders
 * @param {object} options
 * @param {AbortSignal} options.signal ends it
 * @param {(files: FoundFile[]) => void} options.onFiles
 * @param {(path: string) => void} options.onUnreadable
 */
export async function readFolders(folders, { signal, onFiles, onUnreadable }) {
  const queue = [...folders];
  while (queue.length > 0 && !signal.aborted) {
    const folder = queue.shift();
    const reader = folder.createReader();
    try {
      // Browsers hand out a folder in portions, and an empty one means the end.
      for (let entries = await nextEntries(reader); entries.length > 0; entries = await nextEntries(reader)) {
        queue.push(...entries.filter((entry) => entry.isDirectory));
        await readFiles(entries.filter((entry) => entry.isFile && !LEFTOVER.test(entry.name)));
        if (signal.aborted) return;
      }
    } catch {
      onUnreadable(pathOf(folder));
    }
  }

  async function readFiles(entries) {
    for (let start = 0; start < entries.length && !signal.aborted; start += AT_ONCE) {
      const files = await Promise.all(entries.slice(start, start + AT_ONCE).map(readFile));
      onFiles(files.filter(Boolean));
    }
  }

  async function readFile(entry) {
    try {
      return named(await new Promise((resolve, reject) => entry.file(resolve, reject)), pathOf(entry));
    } catch {
      onUnreadable(pathOf(entry));
      return null;
    }
  }
}

function nextEntries(reader) {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

function pathOf(entry) {
  return entry.fullPath.replace(/^\//, "");
}

function named(file, path) {
  return path && !isNameTooLong(path) ? { file, path } : { file };
}
