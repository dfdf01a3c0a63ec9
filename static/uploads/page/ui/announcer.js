import { messages } from "../text/messages.js";

/** Announcing more often would interrupt the screen reader. */
const SOON = 1_000;
/** With many files, announcing every change would be unbearable. */
const LATER = 10_000;
const MANY = 10;
const OF_UPLOADS = ["stored", "alreadyStored", "failed", "rejected"];

/** @typedef {"added"|"stored"|"alreadyStored"|"failed"|"rejected"} Kind */
/** @typedef {{count: number, name: string, why?: string}} Milestone the name of the last file, and the number of files */

/** Announces events to screen readers, several of the same kind in one sentence. */
export class Announcer {
  /** @type {Map<Kind, Milestone>} */
  #counted = new Map();
  /** @type {string[]} */
  #notes = [];
  #timer = 0;
  #due = Infinity;
  #lastTime = -Infinity;
  #region;
  #totals;

  /**
   * @param {HTMLElement} region a polite live region
   * @param {() => {files: number, stored: number}} totals
   */
  constructor(region, totals) {
    this.#region = region;
    this.#totals = totals;
  }

  /**
   * @param {Kind} kind
   * @param {string} name of a file
   * @param {{count?: number, why?: string}} [more]
   */
  say(kind, name, { count = 1, why } = {}) {
    const before = this.#counted.get(kind)?.count ?? 0;
    this.#counted.set(kind, { count: before + count, name, why });
    this.#speakIn(this.#isThrottled(kind) ? LATER : SOON);
  }

  /** @param {string} sentence */
  note(sentence) {
    if (!this.#notes.includes(sentence)) this.#notes.push(sentence);
    this.#speakIn(SOON);
  }

  /**
   * All uploads have ended.
   * @param {number} stored
   * @param {number} notUploaded
   */
  done(stored, notUploaded) {
    if (this.#isThrottled("stored")) {
      this.#counted.delete("stored");
      this.#counted.delete("failed");
      this.#counted.delete("rejected");
    }
    if (stored > 0) this.note(messages.stored(stored, notUploaded));
    if (notUploaded > 0) this.note(messages.announce.notUploaded(notUploaded));
  }

  /** @param {Kind} kind */
  #isThrottled(kind) {
    return OF_UPLOADS.includes(kind) && this.#totals().files > MANY;
  }

  /** @param {number} interval milliseconds since the last announcement */
  #speakIn(interval) {
    const now = performance.now();
    const due = Math.max(now + 150, this.#lastTime + interval);
    if (this.#timer && due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => this.#speak(), due - now);
  }

  #speak() {
    const sentences = [...this.#counted].map(([kind, milestone]) => this.#sentence(kind, milestone));
    const text = [...sentences, ...this.#notes].join(" ");
    this.#counted.clear();
    this.#notes = [];
    this.#timer = 0;
    this.#lastTime = performance.now();
    // Setting the same text again would not be announced.
    this.#region.textContent = text === this.#region.textContent ? `${text}\u00a0` : text;
  }

  /**
   * @param {Kind} kind
   * @param {Milestone} milestone
   */
  #sentence(kind, { count, name, why }) {
    if (kind === "stored" && this.#isThrottled(kind)) {
      const { stored, files } = this.#totals();
      return messages.announce.milestone(stored, files);
    }
    return messages.announce[kind](count, name, why ?? "");
  }
}
