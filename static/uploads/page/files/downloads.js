import { ApiError, isSignedOut } from "../../client/index.js";
import { explain, messages } from "../text/messages.js";

/** @import { Api } from "../../client/index.js" */
/** @import { Announcer } from "../ui/announcer.js" */

/** How long a frame stays, in milliseconds: until the download has surely begun. */
const FRAME_STAYS_FOR = 60_000;

/**
 * Starts downloads without leaving the page: a click on the link asks the server for the address of the content, and
 * loads that in a hidden frame. So an error is shown on the page, and running uploads raise no warning. A click that
 * opens a new tab is left to the browser, and without scripts the link works by itself.
 */
export class Downloads {
  /** @type {Set<string>} */
  #starting = new Set();
  #api;
  #announcer;
  #notify;
  #onSessionEnded;

  /**
   * @param {Api} api
   * @param {Announcer} announcer
   * @param {object} callbacks
   * @param {(sentence: string) => void} callbacks.notify shows why a download has failed
   * @param {() => void} callbacks.onSessionEnded
   */
  constructor(api, announcer, { notify, onSessionEnded }) {
    this.#api = api;
    this.#announcer = announcer;
    this.#notify = notify;
    this.#onSessionEnded = onSessionEnded;
    document.addEventListener("click", (event) => this.#clicked(event));
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    /** @type {HTMLAnchorElement|null} */
    const link = /** @type {Element} */ (event.target).closest("a.file-download");
    if (!link || event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.start(/\/files\/([^/]+)\/download/.exec(link.pathname)?.[1] ?? "", link);
  }

  /**
   * @param {string} id of a file
   * @param {HTMLElement|null} [link] that was clicked
   */
  async start(id, link = null) {
    if (this.#starting.has(id)) return;
    this.#starting.add(id);
    try {
      const { url } = await this.#api.download(id);
      load(url);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#failed(link, error);
    } finally {
      this.#starting.delete(id);
    }
  }

  /**
   * @param {HTMLElement|null} link
   * @param {ApiError} error
   */
  #failed(link, error) {
    const sentence = error.code === "file_not_found" ? messages.fileDeleted : explain(error);
    const paragraph = link?.closest(".notice")?.querySelector("p");
    if (paragraph) {
      paragraph.textContent = sentence;
      this.#announcer.note(sentence);
    } else {
      this.#notify(sentence);
    }
    if (isSignedOut(error)) this.#onSessionEnded();
  }
}

/** @param {string} url of an attachment */
export function load(url) {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.sandbox.add("allow-downloads");
  frame.src = url;
  document.body.append(frame);
  setTimeout(() => frame.remove(), FRAME_STAYS_FOR);
}
