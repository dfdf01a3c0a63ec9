import { messages } from "../text/messages.js";
import { find } from "../ui/elements.js";
import { filesOfPicker, readFolders } from "./folders.js";
import { inSlices } from "./slices.js";

/** @import { Uploader } from "../../client/index.js" */
/** @import { Announcer } from "../ui/announcer.js" */
/** @import { FoundFile } from "./folders.js" */

/** Files that the uploader is given at a time. */
const SLICE = 50;
/** A small folder is read before anybody could read that it is being read. */
const SHOW_AFTER = 150;
const SHOW_AGAIN = 500;

/** Hands what was chosen or dropped to the uploader, however much it is. */
export class Intake {
  #controller = new AbortController();
  #readings = 0;
  #found = 0;
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
   * @param {HTMLElement} page.hint makes room for it
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
  take(files, folders) {
    if (files.length > 0) {
      this.#announce(files.length, files[0]);
      this.#add(files);
    }
    if (folders.length > 0) this.#read(folders, files.length > 0);
  }

  /** @param {File[]} files from a folder picker */
  takePicked(files) {
    const found = filesOfPicker(files);
    if (found.length > 0) {
      this.#announce(found.length, found[0]);
      this.#add(found);
    } else {
      this.#notify(messages.nothingFound);
    }
  }

  /** Adds nothing more of what was taken so far. */
  stop() {
    this.#controller.abort();
    this.#controller = new AbortController();
  }

  /**
   * @param {(File|FoundFile)[]} files
   * @param {AbortSignal} [signal]
   */
  #add(files, signal = this.#controller.signal) {
    return inSlices(files, SLICE, (slice) => this.#uploader.add(slice), signal);
  }

  /**
   * @param {FileSystemDirectoryEntry[]} folders
   * @param {boolean} hasOthers files were taken beside them
   */
  async #read(folders, hasOthers) {
    const { signal } = this.#controller;
    /** @type {string[]} */
    const unreadable = [];
    let count = 0;
    /** @type {FoundFile|undefined} */
    let first;
    // One after another, so that the files keep the order in which they were found.
    let adding = Promise.resolve();
    this.#begin();
    try {
      await readFolders(folders, {
        signal,
        onFiles: (files) => {
          count += files.length;
          this.#found += files.length;
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
      this.#notify(messages.nothingFound);
    }
  }

  #begin() {
    this.#readings += 1;
    this.#announcer.note(messages.reading);
    this.#timer ||= setTimeout(() => this.#show(), SHOW_AFTER);
  }

  #show() {
    const text = find(this.#status, ":scope > :last-child");
    text.textContent = this.#found > 0 ? messages.readingCount(this.#found) : messages.reading;
    this.#status.hidden = false;
    this.#hint.hidden = true;
    this.#timer = setTimeout(() => this.#show(), SHOW_AGAIN);
  }

  #end() {
    this.#readings -= 1;
    if (this.#readings > 0) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#found = 0;
    this.#status.hidden = true;
    this.#hint.hidden = false;
  }

  /**
   * @param {number} count
   * @param {File|FoundFile} first
   */
  #announce(count, first) {
    const name = first instanceof File ? first.name : (first.path ?? first.file.name);
    this.#announcer.say("added", name, { count });
  }
}
