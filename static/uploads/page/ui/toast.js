import { actionMessages } from "../text/action-messages.js";
import { find } from "./elements.js";

/** @import { Announcer } from "./announcer.js" */

/** Seconds until a sentence disappears, unless somebody is reading or using it. */
const SECONDS = 10;

/**
 * A sentence at the edge of the page about what has just been done, with a button that undoes it. A new one replaces the
 * one before. It disappears after a while, but not while the mouse or the focus is on it, or the page is hidden; errors
 * stay until they are closed. Ctrl+Z (⌘Z) undoes from anywhere, except in a text field or a dialog.
 */
export class Toast {
  #element;
  #announcer;
  #onLostFocus;
  #undoButton;
  /** @type {(() => void)|null} */
  #undo = null;
  #remaining = 0;
  #startedAt = 0;
  #timer = 0;
  #isHovered = false;
  /** Where the focus came from. @type {Element|null} */
  #origin = null;

  /**
   * @param {HTMLElement} element as in templates/uploads/_action_dialogs.html
   * @param {Announcer} announcer
   * @param {() => void} [onLostFocus] the toast had the focus, and the element that had it before is gone
   */
  constructor(element, announcer, onLostFocus = () => {}) {
    this.#element = element;
    this.#announcer = announcer;
    this.#onLostFocus = onLostFocus;
    this.#undoButton = find(element, "[data-undo]", HTMLButtonElement);
    this.#undoButton.addEventListener("click", () => this.#undoNow());
    this.#undoButton.title = shortcut();
    find(element, "[data-close]").addEventListener("click", () => this.close());
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    });
    element.addEventListener("pointerenter", () => this.#hover(true));
    element.addEventListener("pointerleave", () => this.#hover(false));
    element.addEventListener("focusin", ({ relatedTarget }) => this.#entered(relatedTarget));
    element.addEventListener("focusout", () => this.#resume());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#pause() : this.#resume()));
    document.addEventListener("keydown", (event) => this.#pressed(event));
  }

  /**
   * @param {string} sentence
   * @param {object} [options]
   * @param {() => void} [options.undo]
   * @param {boolean} [options.isError] it stays until it is closed
   * @param {number} [options.seconds]
   */
  show(sentence, { undo, isError = false, seconds = isError ? Infinity : SECONDS } = {}) {
    this.#announcer.note(undo ? actionMessages.canBeUndone(sentence, shortcut()) : sentence);
    this.#display(sentence, isError, seconds);
    this.#undo = undo ?? null;
    // Hiding the button that has the focus would lose it.
    if (!undo && this.#undoButton === document.activeElement) find(this.#element, "[data-close]").focus();
    this.#undoButton.hidden = !undo;
  }

  /**
   * Says that something is going on, until the next sentence.
   * @param {string} sentence
   */
  progress(sentence) {
    this.#display(sentence, false, Infinity);
    this.#undo = null;
    this.#undoButton.hidden = true;
  }

  close() {
    clearTimeout(this.#timer);
    this.#undo = null;
    const hadFocus = this.#element.contains(document.activeElement);
    this.#element.hidden = true;
    this.#isHovered = false;
    if (!hadFocus) return;
    if (this.#origin instanceof HTMLElement && this.#origin.checkVisibility()) this.#origin.focus();
    else this.#onLostFocus();
  }

  /**
   * @param {string} sentence
   * @param {boolean} isError
   * @param {number} seconds
   */
  #display(sentence, isError, seconds) {
    find(this.#element, "[data-field=text]").textContent = sentence;
    this.#element.classList.toggle("toast-error", isError);
    this.#element.hidden = false;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#remaining = seconds * 1_000;
    this.#resume();
  }

  #undoNow() {
    const undo = this.#undo;
    this.close();
    undo?.();
  }

  /** @param {boolean} isHovered */
  #hover(isHovered) {
    this.#isHovered = isHovered;
    if (isHovered) this.#pause();
    else this.#resume();
  }

  /** @param {EventTarget|null} from */
  #entered(from) {
    if (from instanceof Element && !this.#element.contains(from)) this.#origin = from;
    this.#pause();
  }

  #pause() {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#remaining -= performance.now() - this.#startedAt;
  }

  #resume() {
    const isRead = this.#isHovered || document.hidden || this.#element.contains(document.activeElement);
    if (this.#timer || this.#element.hidden || isRead || this.#remaining === Infinity) return;
    this.#startedAt = performance.now();
    this.#timer = setTimeout(() => this.close(), Math.max(this.#remaining, 1_000));
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const isUndo =
      (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "z";
    if (!isUndo || !this.#undo || event.defaultPrevented) return;
    const target = /** @type {Element} */ (event.target);
    if (target.closest?.("input, textarea, [contenteditable], dialog")) return;
    event.preventDefault();
    this.#undoNow();
  }
}

/** @returns {string} the keys that undo */
function shortcut() {
  return /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘Z" : "Ctrl+Z";
}
