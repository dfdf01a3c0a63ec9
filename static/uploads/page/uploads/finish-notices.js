import { finishMessages } from "../text/list-messages.js";
import { byId, find } from "../ui/elements.js";

/** Milliseconds. Nobody leaves the tab for a shorter upload. */
const LONG = 60_000;
const KEY = "filehub-notices-offered";

/**
 * Tells the user, with a notification of the browser, that a long upload has ended while its tab was hidden. After the
 * first long upload the page offers it, once; only a click on the offer makes the browser ask for permission.
 */
export class FinishNotices {
  /** When the uploads in progress began; null if there are none. @type {number|null} */
  #beganAt = null;
  #offer = byId("notices-offer");
  #now;

  /** @param {() => number} [now] milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
    find(this.#offer, "[data-accept]").addEventListener("click", () => this.#accept());
    find(this.#offer, "[data-decline]").addEventListener("click", () => this.#close());
  }

  /**
   * Call it whenever an upload was added or has another state.
   * @param {{active: number, paused: number, confirming: number, stored: number, unsent: number}} totals
   */
  update({ active, paused, confirming, stored, unsent }) {
    const isInProgress = active + paused + confirming > 0;
    if (isInProgress && this.#beganAt === null) this.#beganAt = this.#now();
    if (isInProgress || this.#beganAt === null) return;
    const isLong = this.#now() - this.#beganAt >= LONG;
    this.#beganAt = null;
    if (isLong && stored + unsent > 0 && "Notification" in globalThis) this.#ended(stored, unsent);
  }

  /**
   * @param {number} stored
   * @param {number} unsent
   */
  #ended(stored, unsent) {
    if (Notification.permission === "default") this.#show();
    if (Notification.permission === "granted" && document.visibilityState === "hidden") notify(stored, unsent);
  }

  #show() {
    if (wasOffered()) return;
    rememberOffer();
    this.#offer.hidden = false;
  }

  async #accept() {
    this.#close();
    await Notification.requestPermission();
  }

  #close() {
    if (this.#offer.contains(document.activeElement)) byId("choose-files").focus();
    this.#offer.hidden = true;
  }
}

/**
 * @param {number} stored
 * @param {number} unsent
 */
function notify(stored, unsent) {
  try {
    // A later one takes the place of this one.
    const notification = new Notification("filehub", {
      body: finishMessages.ended(stored, unsent),
      tag: "filehub",
    });
    notification.addEventListener("click", () => {
      focus();
      notification.close();
    });
  } catch (error) {
    // Chrome on Android has only notifications of service workers.
    if (!(error instanceof TypeError)) throw error;
  }
}

function wasOffered() {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    // Without storage it would be offered every time.
    return true;
  }
}

function rememberOffer() {
  try {
    localStorage.setItem(KEY, "1");
  } catch {
    // It is then shown at most once in this page, because `wasOffered` says so.
  }
}
