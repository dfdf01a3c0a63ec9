import { ApiError, isSignedOut } from "../../client/index.js";

/** @import { FilesApi } from "../../client/index.js" */

/** Milliseconds between two questions whether the lists have changed, while the page is visible. */
const INTERVAL = 3_000;
/** And while it is hidden. */
const HIDDEN_INTERVAL = 60_000;
/** Milliseconds; the longest pause after failures. */
const MAX_INTERVAL = 60_000;

/**
 * Notices changes by other tabs, devices and programs. It polls: one small answer, which is usually "not modified".
 * After a change, the list is read at once and once more with the next question.
 * Server-sent events would keep a connection of the web server open for each page, and would need a channel between
 * the processes, which share nothing but the table.
 */
export class Live {
  #files;
  #onChange;
  #onSessionEnded;
  #timer = 0;
  #failures = 0;
  #isAsking = false;
  /**
   * Whether the list may be older than the version, as the first one may: a change can fall between the two, and the
   * index behind the lists follows the version a moment later.
   */
  #isListOlder = false;
  #isFirst = true;

  /**
   * @param {FilesApi} files
   * @param {object} callbacks
   * @param {() => void} callbacks.onChange
   * @param {() => void} callbacks.onSessionEnded
   */
  constructor(files, { onChange, onSessionEnded }) {
    this.#files = files;
    this.#onChange = onChange;
    this.#onSessionEnded = onSessionEnded;
    document.addEventListener("visibilitychange", () => this.#wakeUp());
    addEventListener("online", () => this.tryNow());
    this.tryNow();
  }

  /** Asks at once, whatever the last answer was. */
  tryNow() {
    this.#failures = 0;
    this.#ask();
  }

  #wakeUp() {
    if (document.visibilityState === "visible") this.tryNow();
    else this.#askLater();
  }

  #askLater() {
    clearTimeout(this.#timer);
    const usual = document.visibilityState === "visible" ? INTERVAL : HIDDEN_INTERVAL;
    const wait = Math.max(usual, Math.min(INTERVAL * 2 ** this.#failures, MAX_INTERVAL));
    this.#timer = setTimeout(() => this.#ask(), wait);
  }

  async #ask() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const hasChanged = await this.#files.hasChanged();
      if (hasChanged || this.#isListOlder) this.#onChange();
      this.#isListOlder = hasChanged || this.#isFirst;
      this.#isFirst = false;
      this.#failures = 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#failures += 1;
      if (isSignedOut(error)) this.#onSessionEnded();
    } finally {
      this.#isAsking = false;
      this.#askLater();
    }
  }
}
