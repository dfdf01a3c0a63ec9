import { bytes } from "../page/text/format.js";
import { percent, portion } from "../page/text/language.js";
import { explain, messages } from "../page/text/messages.js";
import { displayName } from "../page/text/names.js";
import { setAttribute, setText, setVisible } from "../page/ui/rendering.js";
import { words } from "./words.js";

/** @import { Upload } from "../client/index.js" */
/** @import { Limits } from "../page/text/messages.js" */

/**
 * A stored file that belongs to the form.
 * @typedef {object} Value
 * @property {string} id
 * @property {string} name
 * @property {number|null} size bytes; null if it is unknown
 * @property {string} href of a download; empty if there is none
 */

/** @typedef {"remove"|"cancel"|"retry"} Action */

const ACTIONS = /** @type {Action[]} */ (["retry", "cancel", "remove"]);

/** Problems whose sentences name a limit. @type {Record<string, keyof Limits>} */
const LIMITS = { file_too_large: "maxSize", type_not_allowed: "types" };

/** One file of the element: an upload, and its value once it is stored. */
export class Row {
  element = create("li", "filehub-row");
  #input = create("input");
  #name = create("bdi", "filehub-name");
  #status = create("span", "filehub-status");
  #progress = create("progress", "filehub-progress");
  /** @type {Record<Action, HTMLButtonElement>} */
  #buttons;
  #limits;

  /**
   * @param {Value|Upload} content
   * @param {object} options
   * @param {Limits} options.limits formatted for display
   * @param {(row: Row, action: Action) => void} options.onAction
   */
  constructor(content, { limits, onAction }) {
    /** The upload until it is stored. @type {Upload|null} */
    this.upload = "state" in content ? content : null;
    /** @type {Value|null} */
    this.value = "state" in content ? null : content;
    this.name = content.name;
    this.#limits = limits;
    this.#input.type = "hidden";
    this.#progress.max = 100;
    this.#progress.setAttribute("aria-label", messages.progressLabel(this.name));
    this.#buttons = /** @type {Record<Action, HTMLButtonElement>} */ (
      Object.fromEntries(ACTIONS.map((action) => [action, this.#button(action, onAction)]))
    );
    const main = create("span", "filehub-main");
    main.append(this.#name, this.#progress, this.#status);
    const actions = create("span", "filehub-actions");
    actions.append(...ACTIONS.map((action) => this.#buttons[action]));
    this.element.append(main, actions);
    this.element.dataset.name = this.name;
    this.#name.textContent = displayName(this.name);
    this.draw();
  }

  /** Whether it is on its way, so that the form has to wait. */
  get isPending() {
    return this.upload !== null && !this.upload.finished;
  }

  get hasFailed() {
    return this.upload?.finished ?? false;
  }

  /** @returns {string} why it was not uploaded */
  get reason() {
    const problem = this.upload?.problem ?? null;
    // A limit of the site may be one that the element was not given.
    const isUnknownLimit = this.#limits[LIMITS[problem?.code ?? ""]] === "";
    return isUnknownLimit && problem?.message ? problem.message : explain(problem, this.#limits);
  }

  /**
   * The upload is stored.
   * @param {Value} value
   */
  settle(value) {
    this.upload = null;
    this.value = value;
    this.draw();
  }

  /**
   * Says what the form sends of it.
   * @param {object} field
   * @param {string} field.name
   * @param {string|null} field.form the id of the form, if the element names one
   * @param {boolean} field.isDisabled
   */
  bind({ name, form, isDisabled }) {
    this.#input.name = name;
    this.#input.disabled = isDisabled;
    if (form === null) this.#input.removeAttribute("form");
    else this.#input.setAttribute("form", form);
    for (const button of Object.values(this.#buttons)) button.disabled = isDisabled;
  }

  draw() {
    const focused = document.activeElement;
    const hadFocus = focused !== null && this.element.contains(focused);
    const { upload, value } = this;
    setAttribute(this.element, "data-state", upload?.state ?? "stored");
    setText(this.#status, upload ? this.#describe(upload) : describeSize(value?.size ?? null));
    setVisible(this.#progress, this.isPending);
    if (upload) this.#drawBar(upload);
    if (value) this.#showValue(value);
    setVisible(this.#buttons.retry, upload?.canRetry ?? false);
    setVisible(this.#buttons.cancel, this.isPending);
    setVisible(this.#buttons.remove, !this.isPending);
    // Hiding a button makes it lose the focus.
    if (hadFocus && focused.closest("[hidden]")) this.focus();
  }

  focus() {
    Object.values(this.#buttons)
      .find((button) => !button.hidden)
      ?.focus();
  }

  /** @param {Value} value */
  #showValue({ id, size, href }) {
    if (this.#input.value === id) return;
    this.#input.value = id;
    this.element.dataset.id = id;
    if (size !== null) this.element.dataset.size = String(size);
    this.element.prepend(this.#input);
    if (!href) return;
    const link = create("a");
    link.href = href;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = displayName(this.name);
    this.#name.replaceChildren(link);
  }

  /** @param {Upload} upload */
  #drawBar({ state, sent, size }) {
    if (state === "hashing" || state === "confirming") this.#progress.removeAttribute("value");
    else this.#progress.value = portion(sent, size);
  }

  /** @param {Upload} upload */
  #describe({ state, waiting, sent, size, slow, scanning }) {
    if (this.hasFailed) return this.reason;
    if (waiting) return waiting === "signed_out" ? words.signIn : messages.waiting[waiting];
    if (state === "confirming" && scanning) return words.scanning;
    if (state === "confirming" && slow) return words.slow;
    if (state !== "uploading") return `${messages.state[state]} · ${bytes(size)}`;
    if (sent === size) return messages.allSent(bytes(size));
    return `${messages.state.uploading} ${percent(sent, size)} · ${messages.of(bytes(sent), bytes(size))}`;
  }

  /**
   * @param {Action} action
   * @param {(row: Row, action: Action) => void} onAction
   */
  #button(action, onAction) {
    const button = create("button", "filehub-button filehub-quiet");
    button.type = "button";
    button.textContent = words[action];
    button.setAttribute("aria-label", words.actionLabel[action](this.name));
    button.addEventListener("click", () => onAction(this, action));
    return button;
  }
}

/** @param {number|null} size bytes */
function describeSize(size) {
  return size === null ? "" : bytes(size);
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function create(tag, className = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return element;
}
