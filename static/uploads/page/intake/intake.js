import { messages } from "../text/messages.js";
import { find } from "../ui/elements.js";
import { inChunks } from "./chunks.js";
import { filesFromPicker, readFolders } from "./folders.js";

/** @import { Uploader } from "../../client/index.js" */
/** @import { Announcer } from "../ui/announcer.js" */
/** @import { PickedFile } from "./folders.js" */

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
  #notify;

  /**
   * @param {Uploader} uploader
   * @param {Announcer} announcer
   * @param {object} page
   * @param {HTMLElement} page.status says that a folder is being read
   * @param {HTMLElement} page.hint is hidden while the status is shown
   * @param {(sentence: string) => void} page.notify
   */
  constructor(uploader, announcer, { status, hint, notify }) {
    this.#uploader = uploader;
    this.#announcer = announcer;
    this.#status = status;
    this.#hint = hint;
    this.#notify = notify;
  }

  /**
   * @param {File[]} files
   * @param {FileSystemDirectoryEntry[]} folders
   */
  add(files, folders) {
    if (files.length > 0) {
      this.#announce(files.length, files[0]);
      this.#add(files);
    }
    if (folders.length > 0) this.#read(folders, files.length > 0);
  }

  /** @param {File[]} files from a folder picker */
  addPicked(files) {
    const picked = filesFromPicker(files);
    if (picked.length > 0) {
      this.#announce(picked.length, picked[0]);
      this.#add(picked);
    } else {
      this.#notify(messages.noFiles);
    }
  }

  /** Drops files that were accepted but not added yet. */
  stop() {
    this.#controller.abort();
    this.#controller = new AbortController();
  }

  /**
   * @param {(File|PickedFile)[]} files
   * @param {AbortSignal} [signal]
   */
  #add(files, signal = this.#controller.signal) {
    return inChunks(files, CHUNK, (chunk) => this.#uploader.add(chunk), signal);
  }

  /**
   * @param {FileSystemDirectoryEntry[]} folders
   * @param {boolean} hasOthers whether files were dropped together with the folders
   */
  async #read(folders, hasOthers) {
    const { signal } = this.#controller;
    /** @type {string[]} */
    const unreadable = [];
    let count = 0;
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
          adding = adding.then(() => this.#add(files, signal));
        },
        onUnreadable: (path) => unreadable.push(path),
      });
      await adding;
    } finally {
      this.#end();
    }
    if (first) this.#announce(count, first);
    if (unreadable.length > 0) {
      this.#notify(messages.unreadable(unreadable));
    } else if (count === 0 && !hasOthers && !signal.aborted) {
      this.#notify(messages.noFiles);
    }
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
