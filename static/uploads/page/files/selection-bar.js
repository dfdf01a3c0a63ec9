import { actionMessages, reasonFor } from "../text/action-messages.js";
import { find, findAll } from "../ui/elements.js";
import { Drawing, setText } from "../ui/rendering.js";
import { commandsFor } from "./commands.js";

/** @import { Toast } from "../ui/toast.js" */
/** @import { CommandName } from "./commands.js" */
/** @import { Selection } from "./selection.js" */
/** @import { FileStore } from "./store.js" */
/** @import { Item } from "./types.js" */

/**
 * The bar that appears when something is selected: how many items and bytes, and what can be done with them. It keeps
 * the selection in step with the list, and reads the rest of the list after everything was selected.
 */
export class SelectionBar {
  #element;
  #selection;
  #store;
  #toast;
  #onCommand;
  #onCleared;
  #isLoading = false;
  #drawing = new Drawing(() => this.#draw());

  /**
   * @param {HTMLElement} element as in templates/uploads/_action_dialogs.html
   * @param {object} parts
   * @param {Selection} parts.selection
   * @param {FileStore} parts.store
   * @param {Toast} parts.toast
   * @param {(name: CommandName, items: Item[]) => void} parts.onCommand
   * @param {() => void} parts.onCleared the bar had the focus, and has disappeared
   */
  constructor(element, { selection, store, toast, onCommand, onCleared }) {
    this.#element = element;
    this.#selection = selection;
    this.#store = store;
    this.#toast = toast;
    this.#onCommand = onCommand;
    this.#onCleared = onCleared;
    selection.addEventListener("change", () => {
      this.#drawing.atOnce();
      this.#loadRest();
    });
    selection.keep(this.#keys, store.hasMore);
    store.addEventListener("place", () => selection.clear());
    store.addEventListener("change", () => {
      selection.keep(this.#keys, store.hasMore);
      this.#drawing.soon();
    });
    find(element, "[data-clear]").addEventListener("click", () => selection.clear());
    find(element, "[data-all]").addEventListener("click", () => this.selectAll());
    for (const button of findAll(element, "[data-command]")) {
      button.addEventListener("click", () => this.run(/** @type {CommandName} */ (button.dataset.command)));
    }
  }

  /** The selected items in the order of the list. @returns {Item[]} */
  get items() {
    return this.#store.items.filter(({ key }) => this.#selection.has(key));
  }

  /** Selects the whole list, also what it has not loaded. */
  selectAll() {
    this.#selection.selectAll(this.#keys, this.#store.hasMore);
  }

  /**
   * Applies a command to what is selected. Does nothing while the rest of the list is still being selected.
   * @param {CommandName} name
   */
  run(name) {
    if (!this.#selection.isGrowing) this.#onCommand(name, this.items);
  }

  get #keys() {
    return this.#store.items.map(({ key }) => key);
  }

  async #loadRest() {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      while (this.#selection.isGrowing && this.#store.hasMore) {
        const before = this.#store.items.length;
        await this.#store.loadMore();
        if (this.#store.problem) return this.#incomplete();
        // A page of a search may be empty; but a list that was left has no more pages.
        if (this.#store.items.length === before && !this.#store.hasMore) break;
      }
    } finally {
      this.#isLoading = false;
    }
    if (this.#selection.isGrowing) this.#selection.keep(this.#keys, this.#store.hasMore);
  }

  /** The rest of the list could not be read: what is selected is what is loaded. */
  #incomplete() {
    this.#selection.keep(this.#keys, false);
    const reason = reasonFor(this.#store.problem ?? { code: "" });
    this.#toast.show(actionMessages.selectionIncomplete(this.#selection.size, reason), { isError: true });
  }

  #draw() {
    const { items } = this;
    const hadFocus = this.#element.contains(document.activeElement);
    this.#element.hidden = items.length === 0;
    if (items.length === 0) {
      if (hadFocus) this.#onCleared();
      return;
    }
    const { isGrowing } = this.#selection;
    this.#drawAll();
    const commands = commandsFor(this.#store.place.view, items);
    for (const button of findAll(this.#element, "[data-command]")) {
      button.hidden = !commands.includes(/** @type {CommandName} */ (button.dataset.command));
      // Not `disabled`, which would lose the focus.
      button.setAttribute("aria-disabled", String(isGrowing));
    }
    setText(
      find(this.#element, "[data-field=count]"),
      isGrowing ? actionMessages.selecting(items.length) : counts(items),
    );
  }

  /** What selects all is not needed once all is selected. */
  #drawAll() {
    const button = find(this.#element, "[data-all]");
    const hadFocus = button === document.activeElement;
    button.hidden = this.#selection.hasAll(this.#store.items.length, this.#store.hasMore);
    if (hadFocus && button.hidden) find(this.#element, "[data-clear]").focus();
  }
}

/** @param {Item[]} items */
function counts(items) {
  const files = items.filter((item) => item.kind === "file");
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  return actionMessages.selected(files.length, items.length - files.length, size);
}
