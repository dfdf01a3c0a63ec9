import { actionMessages } from "../text/action-messages.js";
import { nameOf } from "./types.js";

/** @import { Item } from "./types.js" */

/**
 * Renames an item in its place in the list: Enter and a click elsewhere rename it, Escape does not. After Enter, what is
 * wrong is said beside the field, which stays. Elsewhere the row may be used for another item at once, so the field is
 * removed, and the page says what is wrong.
 */
export class RenameField {
  /** The item that is being renamed. @type {string|null} */
  key = null;
  #rename;
  #onFailed;
  #onEnd;
  #end = () => {};

  /**
   * @param {object} parts
   * @param {(item: Item, name: string) => Promise<string>} parts.rename returns why it failed; empty if it did not
   * @param {(sentence: string) => void} parts.onFailed says why it failed, after the field is gone
   * @param {(item: Item) => void} parts.onEnd the field is gone, and with it the focus
   */
  constructor({ rename, onFailed, onEnd }) {
    this.#rename = rename;
    this.#onFailed = onFailed;
    this.#onEnd = onEnd;
  }

  /**
   * @param {Item} item
   * @param {HTMLElement} cell that shows the name; its contents are hidden meanwhile
   */
  edit(item, cell) {
    this.#end();
    const { form, input, problem } = makeForm(item);
    this.key = item.key;
    cell.dataset.renaming = "";
    cell.append(form);
    this.#end = () => {
      this.#end = () => {};
      this.key = null;
      const hadFocus = form.contains(document.activeElement);
      delete cell.dataset.renaming;
      form.remove();
      if (hadFocus) this.#onEnd(item);
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(item, input, problem);
    });
    input.addEventListener("keydown", (event) => {
      // The keys of the list do not apply in the field.
      event.stopPropagation();
      if (event.key !== "Escape" || event.isComposing) return;
      event.preventDefault();
      if (!input.readOnly) this.#end();
    });
    input.addEventListener("input", () => say(input, problem, ""));
    input.addEventListener("blur", () => {
      // Not if the user has only looked at another window.
      if (document.hasFocus() && this.key === item.key && !input.readOnly) this.#leave(item, input.value);
    });
    for (const type of ["click", "dblclick", "pointerdown"]) {
      form.addEventListener(type, (event) => event.stopPropagation());
    }
    input.focus();
    input.setSelectionRange(0, stemLength(item));
  }

  /** Ends editing without renaming anything. */
  cancel() {
    this.#end();
  }

  /**
   * @param {Item} item
   * @param {string} name as it was entered
   */
  async #leave(item, name) {
    this.#end();
    if (name === nameOf(item) || name.trim() === "") return;
    const sentence = await this.#rename(item, name);
    if (sentence) this.#onFailed(sentence);
  }

  /**
   * @param {Item} item
   * @param {HTMLInputElement} input
   * @param {HTMLElement} problem
   */
  async #submit(item, input, problem) {
    if (input.readOnly) return;
    const end = this.#end;
    if (input.value === nameOf(item)) return end();
    input.readOnly = true;
    input.setAttribute("aria-busy", "true");
    try {
      const sentence = await this.#rename(item, input.value);
      if (sentence) say(input, problem, sentence);
      else end();
    } finally {
      input.readOnly = false;
      input.removeAttribute("aria-busy");
    }
  }
}

/**
 * @param {HTMLInputElement} input
 * @param {HTMLElement} problem
 * @param {string} sentence empty for none
 */
function say(input, problem, sentence) {
  problem.textContent = sentence;
  problem.hidden = sentence === "";
  if (sentence) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** @param {Item} item */
function makeForm(item) {
  const form = document.createElement("form");
  form.className = "rename";
  form.noValidate = true;
  const input = document.createElement("input");
  input.className = "input rename-input";
  input.type = "text";
  input.value = nameOf(item);
  input.autocomplete = "off";
  input.spellcheck = false;
  input.setAttribute("autocapitalize", "none");
  input.setAttribute("aria-label", actionMessages.renameLabel(nameOf(item)));
  input.setAttribute("aria-describedby", "rename-problem");
  const problem = document.createElement("p");
  problem.id = "rename-problem";
  problem.className = "rename-problem";
  problem.setAttribute("role", "alert");
  problem.hidden = true;
  form.append(input, problem);
  return { form, input, problem };
}

/**
 * @param {Item} item
 * @returns {number} characters of the name before its extension, which is rarely what somebody wants to change
 */
export function stemLength(item) {
  const name = nameOf(item);
  if (item.kind === "folder") return name.length;
  // "archive.tar.gz", but not "Report 2.0.pdf".
  const match = /(\.tar)?\.[\p{L}\p{N}_-]{1,16}$/iu.exec(name);
  return match && match.index > 0 ? match.index : name.length;
}
