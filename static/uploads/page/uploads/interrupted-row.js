import { interrupted } from "../text/interrupted.js";
import { percent } from "../text/language.js";
import { displayName } from "../text/names.js";
import { find, findAll } from "../ui/elements.js";
import { showName } from "../ui/file-name.js";
import { setAttribute, setText, setVisible } from "../ui/rendering.js";

/** @import { UnfinishedUpload } from "../../client/index.js" */
/** @typedef {"continue"|"choose"|"new"|"remove"} Action */
/** @typedef {"interrupted"|"checking"|"removing"} State */

/** The row of an upload that a reload or a crash has interrupted. It knows nothing about how to continue it. */
export class InterruptedRow {
  /** Another file that was chosen, and that may be uploaded as a new one. @type {File|null} */
  other = null;
  /** @type {State} */
  #state = "interrupted";
  #message = "";
  /** Whether the file has to be chosen although there is a handle. */
  #mustChoose = false;
  #item;
  #buttons;

  /**
   * @param {HTMLTemplateElement} template
   * @param {UnfinishedUpload} item
   */
  constructor(template, item) {
    this.#item = item;
    const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = find(content, "[data-interrupted-row]");
    this.input = find(this.element, "input", HTMLInputElement);
    this.#buttons = {
      continue: this.button("continue"),
      choose: this.button("choose"),
      new: this.button("new"),
      remove: this.button("remove"),
    };
    // While it works, its buttons stay, so that it keeps the focus, but do nothing.
    this.element.addEventListener("click", (event) => this.#isIdle || event.stopPropagation(), { capture: true });
    this.#showName(item.path);
    this.#draw();
  }

  get #isIdle() {
    return this.#state === "interrupted";
  }

  get item() {
    return this.#item;
  }

  /** @param {UnfinishedUpload} item with what is known now */
  set item(item) {
    this.#item = item;
    this.#draw();
  }

  /** @param {State} state */
  enter(state) {
    this.#state = state;
    if (state !== "interrupted") this.#message = "";
    this.#draw();
  }

  /**
   * Says why it was not continued or removed.
   * @param {string} message
   * @param {{mustChoose?: boolean, other?: File|null}} [options]
   */
  explain(message, { mustChoose = this.#mustChoose, other = null } = {}) {
    this.#message = message;
    this.#mustChoose = mustChoose;
    this.other = other;
    const label = interrupted.actionLabel.new(other?.name ?? this.#item.path);
    this.#buttons.new.setAttribute("aria-label", label);
    this.enter("interrupted");
  }

  /**
   * @param {Action} action
   * @returns {HTMLButtonElement}
   */
  button(action) {
    return find(this.element, `[data-action=${action}]`, HTMLButtonElement);
  }

  focus() {
    findAll(this.element, "button:not([hidden])")[0]?.focus();
  }

  /** @param {string} path */
  #showName(path) {
    const name = displayName(path);
    const element = find(this.element, "[data-field=name]");
    element.title = name;
    showName(element, path);
    this.element.dataset.name = name;
    find(this.element, "progress").setAttribute("aria-label", interrupted.progressLabel(path));
    this.input.setAttribute("aria-label", interrupted.actionLabel.choose(path));
    for (const [action, button] of Object.entries(this.#buttons)) {
      button.setAttribute("aria-label", interrupted.actionLabel[/** @type {Action} */ (action)](path));
    }
  }

  #draw() {
    const { safe, size, hasHandle } = this.#item;
    const isReady = hasHandle && !this.#mustChoose;
    this.element.dataset.state = this.#state;
    setText(find(this.element, "[data-field=state]"), interrupted.state[this.#state]);
    setText(find(this.element, "[data-field=detail]"), this.#describe(isReady));
    find(this.element, "progress", HTMLProgressElement).value = size > 0 ? (safe / size) * 100 : 0;
    this.#showButtons(isReady);
  }

  /** @param {boolean} isReady whether the file need not be chosen */
  #describe(isReady) {
    if (this.#message) return this.#message;
    const next = isReady ? interrupted.ready : interrupted.choose;
    return [this.#safe, this.#isIdle ? next : ""].filter(Boolean).join(" · ");
  }

  /** Empty if nothing is known. */
  get #safe() {
    const { safe, size, isChecked } = this.#item;
    if (safe === 0) return isChecked ? interrupted.nothingSafe : "";
    return (isChecked ? interrupted.safe : interrupted.safeAtLeast)(percent(safe, size, safe === size));
  }

  /** @param {boolean} isReady */
  #showButtons(isReady) {
    // Read first, because hiding a button makes it lose the focus.
    const focused = document.activeElement;
    setVisible(this.#buttons.continue, isReady);
    setVisible(this.#buttons.choose, !isReady);
    setVisible(this.#buttons.new, this.other !== null);
    for (const button of Object.values(this.#buttons)) setAttribute(button, "aria-disabled", String(!this.#isIdle));
    if (this.element.contains(focused) && focused?.closest("[hidden]")) this.focus();
  }
}
