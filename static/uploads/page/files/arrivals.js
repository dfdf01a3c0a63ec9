import { matchesSearch } from "../text/names.js";
import { isFolder, isWithin, lastNameOf } from "./place.js";
import { fileItem, folderItem } from "./types.js";

/** @import { FileStore } from "./store.js" */
/** @import { Item, ListedFile, Place } from "./types.js" */

/** Milliseconds in which files are collected that are stored at almost the same time. */
const BATCH_DELAY = 120;
/** Milliseconds between two changes of the list while files arrive continuously: nobody can follow each of them. */
const INTERVAL = 1_000;

/** Shows files in the list as soon as they are stored, without asking the server for the list. */
export class Arrivals {
  /** @type {ListedFile[]} */
  #files = [];
  #timer = 0;
  #shownAt = -Infinity;
  #store;

  /** @param {FileStore} store */
  constructor(store) {
    this.#store = store;
  }

  /** @param {ListedFile} file that has just been stored */
  add(file) {
    this.#files.push(file);
    const wait = Math.max(BATCH_DELAY, this.#shownAt + INTERVAL - performance.now());
    this.#timer ||= setTimeout(() => this.#show(), wait);
  }

  #show() {
    const store = this.#store;
    const known = new Set(store.items.map(({ key }) => key));
    const items = this.#files.flatMap((file) => itemFor(file, store.place) ?? []).filter(({ key }) => !known.has(key));
    this.#files = [];
    this.#timer = 0;
    this.#shownAt = performance.now();
    if (items.length > 0 && store.state === "ready") store.add(items);
  }
}

/**
 * @param {ListedFile} file that is stored
 * @param {Place} place
 * @returns {Item|null} what the place lists because of this file: the file, or the subfolder in which it is
 */
export function itemFor(file, place) {
  if (place.view !== "files" || !isWithin(file.folder, place.folder)) return null;
  const isOfType = place.type === "" || place.type === file.kind;
  if (!isFolder(place)) return isOfType && matchesSearch(file.file_name, place.q) ? fileItem(file) : null;
  if (file.folder === place.folder) return isOfType ? fileItem(file) : null;
  if (place.type !== "") return null;
  const start = place.folder ? place.folder.length + 1 : 0;
  const end = file.folder.indexOf("/", start);
  const folder = end === -1 ? file.folder : file.folder.slice(0, end);
  const isDirect = folder === file.folder;
  return folderItem({ folder, name: lastNameOf(folder), files: Number(isDirect), bytes: isDirect ? file.size : 0 });
}
