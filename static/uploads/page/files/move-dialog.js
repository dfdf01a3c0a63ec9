import { ApiError, isSignedOut } from "../../client/index.js";
import { actionMessages, reasonFor } from "../text/action-messages.js";
import { displayName, searchKey } from "../text/names.js";
import { find } from "../ui/elements.js";
import { folderOf, joined } from "./changes/item-changes.js";
import { canMoveTo } from "./changes/targets.js";
import { createIn } from "./folder-dialog.js";
import { FolderOutline } from "./folder-outline.js";
import { lastNameOf, parentOf } from "./place.js";
import { nameOf } from "./types.js";

/** @import { FolderTree } from "./changes/folder-tree.js" */
/** @import { OutlineRow } from "./folder-outline.js" */
/** @import { Item } from "./types.js" */

/**
 * Asks to which folder items are moved: a tree of all folders, by mouse and keyboard, in which new ones can be created.
 *
 * https://www.w3.org/WAI/ARIA/apg/patterns/treeview/
 */
export class MoveDialog {
  #dialog;
  #tree;
  #create;
  #onSessionEnded;
  #list;
  #button;
  #form;
  #input;
  #problem;
  /** @type {Item[]} */
  #items = [];
  #outline = new FolderOutline(async () => []);
  /** The folder that is chosen; empty for the root. */
  #chosen = "";
  /** @type {(folder: string|null) => void} */
  #settle = () => {};

  /**
   * @param {HTMLDialogElement} dialog as in templates/uploads/_action_dialogs.html
   * @param {object} parts
   * @param {FolderTree} parts.tree
   * @param {(path: string) => Promise<string>} parts.create returns why there is no new folder; empty if there is one
   * @param {() => void} parts.onSessionEnded
   */
  constructor(dialog, { tree, create, onSessionEnded }) {
    this.#dialog = dialog;
    this.#tree = tree;
    this.#create = create;
    this.#onSessionEnded = onSessionEnded;
    this.#list = find(dialog, "[role=tree]");
    this.#button = find(dialog, "[data-confirm]");
    this.#form = find(dialog, "[data-new-form]", HTMLFormElement);
    this.#input = find(this.#form, "input", HTMLInputElement);
    this.#problem = find(dialog, "[data-field=problem]");
    this.#listen();
  }

  /**
   * @param {Item[]} items
   * @returns {Promise<string|null>} the path of the folder; null if the user has closed the dialog
   */
  async choose(items) {
    this.#items = items;
    this.#outline = new FolderOutline((folder) => this.#tree.subfolders(folder));
    this.#chosen = folderOf(items[0]);
    find(this.#dialog, "[data-field=title]").textContent = actionMessages.moveTitle(items.length, nameOf(items[0]));
    this.#say("");
    this.#closeForm();
    this.#draw();
    this.#dialog.showModal();
    /** @type {Promise<string|null>} */
    const chosen = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#attempt(this.#outline.openUpTo(this.#chosen)).then(() => this.#focusChosen());
    return await chosen;
  }

  #listen() {
    find(this.#dialog, "[data-cancel]").addEventListener("click", () => this.#dialog.close());
    this.#button.addEventListener("click", () => this.#confirm());
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#settle(null));
    // Escape in the field for a new folder closes only that.
    this.#dialog.addEventListener("cancel", (event) => {
      if (this.#form.hidden) return;
      event.preventDefault();
      this.#closeForm();
    });
    this.#list.addEventListener("keydown", (event) => this.#pressed(event));
    this.#list.addEventListener("click", ({ target }) => this.#clicked(/** @type {Element} */ (target)));
    this.#list.addEventListener("dblclick", () => this.#confirm());
    find(this.#dialog, "[data-new]").addEventListener("click", () => this.#openForm());
    find(this.#form, "[data-new-cancel]").addEventListener("click", () => this.#closeForm());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#createFolder();
    });
    this.#input.addEventListener("input", () => this.#say(""));
  }

  #confirm() {
    if (!canMoveTo(this.#items, this.#chosen)) return;
    this.#settle(this.#chosen);
    this.#dialog.close();
  }

  // --- The tree --------------------------------------------------------------------------------------

  /** @param {Element} target */
  #clicked(target) {
    /** @type {HTMLElement|null} */
    const row = target.closest("[role=treeitem]");
    if (!row) return;
    this.#choose(row.dataset.folder ?? "");
    if (target.closest("[data-toggle]")) this.#toggle(this.#chosen);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const { rows } = this.#outline;
    const index = rows.findIndex(({ folder }) => folder === this.#chosen);
    const last = rows.length - 1;
    /** @type {Record<string, number>} */
    const targets = { ArrowDown: Math.min(index + 1, last), ArrowUp: Math.max(index - 1, 0), Home: 0, End: last };
    if (Object.hasOwn(targets, event.key)) this.#choose(rows[targets[event.key]].folder);
    else if (event.key === "ArrowRight") this.#inward(rows, index);
    else if (event.key === "ArrowLeft") this.#outward(rows[index]);
    else if (event.key === "Enter") this.#confirm();
    else if (event.key === " ") this.#toggle(this.#chosen);
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) this.#jump(rows, index, event.key);
    else return;
    event.preventDefault();
  }

  /**
   * @param {OutlineRow[]} rows
   * @param {number} index
   */
  #inward(rows, index) {
    const { state, level } = rows[index];
    const next = rows[index + 1];
    if (state === "open" && next && next.level > level) this.#choose(next.folder);
    else if (state === "closed") this.#toggle(this.#chosen);
  }

  /** @param {OutlineRow} row */
  #outward({ folder, state }) {
    if (state === "open") this.#toggle(folder);
    else if (folder !== "") this.#choose(parentOf(folder));
  }

  /**
   * Chooses the next folder that begins with a letter.
   * @param {OutlineRow[]} rows
   * @param {number} index
   * @param {string} letter
   */
  #jump(rows, index, letter) {
    const following = [...rows.slice(index + 1), ...rows.slice(0, index)];
    const found = following.find((row) => searchKey(titleOf(row.folder)).startsWith(searchKey(letter)));
    if (found) this.#choose(found.folder);
  }

  /** @param {string} folder */
  #toggle(folder) {
    const isOpen = this.#outline.isOpen(folder);
    if (isOpen) this.#outline.close(folder);
    this.#attempt(isOpen ? Promise.resolve() : this.#outline.open(folder)).then(() => this.#focusChosen());
  }

  /** @param {string} folder */
  #choose(folder) {
    this.#chosen = folder;
    this.#say("");
    this.#draw();
    this.#focusChosen();
  }

  #focusChosen() {
    if (this.#dialog.open && this.#form.hidden) find(this.#list, '[tabindex="0"]').focus();
  }

  /**
   * Draws before and after something is read.
   * @param {Promise<void>} promise
   */
  async #attempt(promise) {
    this.#say("");
    this.#draw();
    try {
      await promise;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (isSignedOut(error)) this.#onSessionEnded();
      this.#say(reasonFor(error));
    }
    // The branch of the chosen folder may be closed, or could not be read.
    this.#chosen = nearest(this.#outline.rows, this.#chosen);
    this.#draw();
  }

  #draw() {
    const { rows } = this.#outline;
    const hadFocus = this.#list.contains(document.activeElement);
    const focusable = rows.some(({ folder }) => folder === this.#chosen) ? this.#chosen : "";
    this.#list.replaceChildren(...rows.map((row) => this.#row(row, focusable)));
    if (hadFocus) this.#focusChosen();
    this.#button.textContent = canMoveTo(this.#items, this.#chosen)
      ? actionMessages.moveTo(titleOf(this.#chosen))
      : actionMessages.moveHere;
    this.#button.setAttribute("aria-disabled", String(!canMoveTo(this.#items, this.#chosen)));
  }

  /**
   * @param {OutlineRow} row
   * @param {string} focusable
   */
  #row({ folder, level, position, siblings, state }, focusable) {
    const element = document.createElement("li");
    element.className = "outline-row";
    element.setAttribute("role", "treeitem");
    element.setAttribute("aria-level", String(level));
    element.setAttribute("aria-posinset", String(position));
    element.setAttribute("aria-setsize", String(siblings));
    element.setAttribute("aria-selected", String(folder === this.#chosen));
    if (state !== "empty") element.setAttribute("aria-expanded", String(state === "open"));
    if (state === "loading") element.setAttribute("aria-busy", "true");
    const isBlocked = this.#items.some((item) => item.kind === "folder" && item.folder === folder);
    if (isBlocked) element.dataset.moving = "";
    element.tabIndex = folder === focusable ? 0 : -1;
    element.dataset.folder = folder;
    element.dataset.state = state;
    element.style.setProperty("--level", String(level - 1));
    element.append(toggleOf(state), iconOf(this.#dialog), labelOf(folder));
    return element;
  }

  // --- A new folder ----------------------------------------------------------------------------------

  #openForm() {
    this.#form.hidden = false;
    this.#input.value = "";
    find(this.#form, "[data-field=parent]").textContent = displayName(titleOf(this.#chosen));
    this.#input.focus();
  }

  #closeForm() {
    const hadFocus = this.#form.contains(document.activeElement);
    this.#form.hidden = true;
    this.#say("");
    if (hadFocus) this.#focusChosen();
  }

  async #createFolder() {
    if (this.#input.readOnly) return;
    this.#input.readOnly = true;
    try {
      const parent = this.#chosen;
      const sentence = await createIn(parent, this.#input.value, this.#create);
      if (sentence) return this.#say(sentence);
      const folder = joined(parent, this.#input.value.normalize("NFC"));
      await this.#attempt(this.#outline.add(folder));
      this.#closeForm();
      this.#choose(folder);
    } finally {
      this.#input.readOnly = false;
    }
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.#problem.textContent = sentence;
    this.#problem.hidden = sentence === "";
  }
}

/**
 * @param {OutlineRow[]} rows
 * @param {string} folder
 * @returns {string} the folder if it is among them; otherwise the innermost one that contains it
 */
function nearest(rows, folder) {
  let path = folder;
  while (path !== "" && !rows.some((row) => row.folder === path)) path = parentOf(path);
  return path;
}

/** @param {string} folder */
function titleOf(folder) {
  return folder === "" ? actionMessages.allFiles : lastNameOf(folder);
}

/** @param {string} state */
function toggleOf(state) {
  const element = document.createElement("span");
  element.className = "outline-toggle";
  element.setAttribute("aria-hidden", "true");
  if (state !== "empty") element.dataset.toggle = "";
  return element;
}

/** @param {HTMLElement} dialog has a template with the icon */
function iconOf(dialog) {
  return find(dialog, "template", HTMLTemplateElement).content.cloneNode(true);
}

/** @param {string} folder */
function labelOf(folder) {
  const element = document.createElement("bdi");
  element.className = "outline-name";
  element.textContent = displayName(titleOf(folder));
  return element;
}
