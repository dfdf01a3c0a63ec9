import { messages } from "./messages.js";

/** More often would interrupt what the screen reader is saying. */
const INTERVAL = 1_000;

/** Tells milestones to screen readers, several of a kind in one sentence. */
export class Announcer {
  /** @type {Map<string, string[][]>} */
  #pending = new Map();
  #timer = 0;
  #lastTime = 0;
  #region;

  /** @param {HTMLElement} region a polite live region */
  constructor(region) {
    this.#region = region;
  }

  /**
   * @param {keyof typeof messages.announce} kind
   * @param {...string} details what the sentence of this kind takes
   */
  say(kind, ...details) {
    this.#pending.set(kind, [...(this.#pending.get(kind) ?? []), details]);
    if (!this.#timer) {
      const wait = Math.max(150, this.#lastTime + INTERVAL - Date.now());
      this.#timer = setTimeout(() => this.#speak(), wait);
    }
  }

  #speak() {
    const sentences = [];
    for (const [kind, all] of this.#pending) {
      const { one, many } = messages.announce[kind];
      sentences.push(all.length === 1 ? one(...all[0]) : many(all.length, all.map(([first]) => first)));
    }
    this.#pending.clear();
    this.#timer = 0;
    this.#lastTime = Date.now();
    // The same text twice would not be a change, and would not be read.
    const text = sentences.join(" ");
    this.#region.textContent = text === this.#region.textContent ? `${text}\u00a0` : text;
  }
}
