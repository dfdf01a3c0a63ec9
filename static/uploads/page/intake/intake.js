import { messages } from "../text/messages.js";
import { find } from "../ui/elements.js";
import { inChunks } from "./chunks.js";
import { readFolders, sortOut } from "./folders.js";

/** @import { About, Uploader } from "../../client/index.js" */
/** @import { Announcer } from "../ui/announcer.js" */
/** @import { PickedFile } from "./folders.js" */
/** @import { Target } from "./destination.js" */

/** Files added to the uploader at a time. */
const CHUNK = 50;
/** A small folder is read before a message about it could be read. */
const SHOW_AFTER = 150;
const SHOW_INTERVAL = 500;

/** Passes chosen and dropped files to the uploader, however many there are. */
export class Intake {
  #controller = new AbortController();
  #readings = 0;
  #fileCount = 0;
  #timer = 0;
  #uploader;
  #announcer;
  #status;
  #hint;
  #target;
  #notify;

  /**
   * @param {Uploader} uploader
   * @param {Announcer} announcer
   * @param {object} page
   * @param {HTMLElement} page.status says that a folder is being read
   * @param {HTMLElement} page.hint is hidden while the status is shown
   * @param {() => Target} page.target where files go now
   * @param {(sentence: string) => void} page.notify
   */
  constructor(uploader, announcer, { status, hint, target, notify }) {
    this.#uploader = uploader;
    this.#announcer = announcer;
    this.#status = status;
    this.#hint = hint;
    this.#target = target;
    this.#notify = notify;
  }

  /**
   * @param {File[]} files
   * @param {FileSystemDirectoryEntry[]} folders
   */
  add(files, folders) {
    if (files.length > 0) this.#addChosen(files);
    if (folders.length > 0) this.#read(folders, files.length > 0);
  }

  /** @param {File[]} files from a folder picker */
  addPicked(files) {
    if (files.length > 0) this.#addChosen(files);
    else this.#notify(messages.noFiles);
  }

  /** @param {File[]} files at least one */
  async #addChosen(files) {
    const { picked, leftOut } = sortOut(files);
    if (picked.length > 0) this.#announce(picked.length, picked[0]);
    const shortened = await this.#add(picked, this.#target());
    this.#tell({ leftOut, shortened, none: picked.length === 0 });
  }

  /**
   * Says what was not added as it is.
   * @param {object} outcome
   * @param {string[]} outcome.leftOut names of system files
   * @param {number} outcome.shortened files whose path did not fit
   * @param {string[]} [outcome.unreadable] paths
   * @param {boolean} [outcome.none] nothing was found
   */
  #tell({ leftOut, shortened, unreadable = [], none = false }) {
    const sentences = [];
    if (unreadable.length > 0) sentences.push(messages.unreadable(unreadable));
    else if (none) sentences.push(messages.noFiles);
    if (shortened > 0) sentences.push(messages.shortened(shortened));
    if (leftOut.length > 0) sentences.push(messages.leftOut(leftOut));
    if (sentences.length > 0) this.#notify(sentences.join(" "));
  }

  /** Drops files that were accepted but not added yet. */
  stop() {
    this.#controller.abort();
    this.#controller = new AbortController();
  }

  /**
   * @param {PickedFile[]} files
   * @param {Target} target as it was when they were chosen
   * @param {AbortSignal} [signal]
   * @returns {Promise<number>} how many of them have a path that did not fit
   */
  async #add(files, target, signal = this.#controller.signal) {
    let shortened = 0;
    const add = /** @param {PickedFile[]} chunk */ (chunk) => {
      const placed = chunk.map((picked) => placedAt(picked, target));
      shortened += this.#uploader.add(placed).filter((upload) => upload.isShortened).length;
    };
    await inChunks(files, CHUNK, add, signal);
    return shortened;
  }

  /**
   * @param {FileSystemDirectoryEntry[]} folders
   * @param {boolean} hasOthers whether files were dropped together with the folders
   */
  async #read(folders, hasOthers) {
    const { signal } = this.#controller;
    const target = this.#target();
    /** @type {string[]} */
    const unreadable = [];
    /** @type {string[]} */
    const leftOut = [];
    let count = 0;
    let shortened = 0;
    /** @type {PickedFile|undefined} */
    let first;
    // One after another, so that the files keep their order.
    let adding = Promise.resolve();
    this.#begin();
    try {
      await readFolders(folders, {
        signal,
        onFiles: (files) => {
          count += files.length;
          this.#fileCount += files.length;
          first ??= files[0];
          adding = adding.then(async () => {
            shortened += await this.#add(files, target, signal);
          });
        },
        onUnreadable: (path) => unreadable.push(path),
        onLeftOut: (name) => leftOut.push(name),
      });
      await adding;
    } finally {
      this.#end();
    }
    if (first) this.#announce(count, first);
    this.#tell({ leftOut, shortened, unreadable, none: count === 0 && !hasOthers && !signal.aborted });
  }

  #begin() {
    this.#readings += 1;
    this.#announcer.note(messages.reading);
    this.#timer ||= setTimeout(() => this.#show(), SHOW_AFTER);
  }

  #show() {
    const text = find(this.#status, ":scope > :last-child");
    text.textContent = this.#fileCount > 0 ? messages.readingCount(this.#fileCount) : messages.reading;
    this.#status.hidden = false;
    this.#hint.hidden = true;
    this.#timer = setTimeout(() => this.#show(), SHOW_INTERVAL);
  }

  #end() {
    this.#readings -= 1;
    if (this.#readings > 0) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#fileCount = 0;
    this.#status.hidden = true;
    this.#hint.hidden = false;
  }

  /**
   * @param {number} count
   * @param {File|PickedFile} first
   */
  #announce(count, first) {
    const name = first instanceof File ? first.name : (first.path ?? first.file.name);
    this.#announcer.say("added", name, { count });
  }
}

/**
 * @param {PickedFile} picked
 * @param {Target} target
 * @returns {PickedFile & About} with its path from the root
 */
function placedAt(picked, { folder, destination }) {
  const path = folder ? `${folder}/${picked.path ?? picked.file.name}` : picked.path;
  return { ...picked, path, destination };
}
