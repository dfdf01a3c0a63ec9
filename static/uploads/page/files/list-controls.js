import { commandOf, targetOf } from "./list-keys.js";
import { isReadOnly } from "./place.js";

/** @import { Command } from "./list-keys.js" */
/** @import { ListView } from "./list-view.js" */
/** @import { Selection } from "./selection.js" */
/** @import { FileStore } from "./store.js" */
/** @import { Item } from "./types.js" */

/**
 * What the user wants to do with items.
 * @typedef {object} Handlers
 * @property {(item: Item) => void} open
 * @property {(item: Item) => void} download
 * @property {(item: Item) => void} rename
 * @property {(items: Item[]) => void} trash
 * @property {(items: Item[]) => void} restore
 * @property {(item: Item, anchor: HTMLElement) => void} menu of an item, beside a control of its row
 * @property {(folder: string) => void} openFolder by its path
 * @property {() => void} up to the folder that contains the open one
 */

/** Turns keys and clicks in the list into selections and actions. */
export class ListControls {
  #view;
  #selection;
  #store;
  #handlers;

  /**
   * @param {ListView} view
   * @param {Selection} selection
   * @param {FileStore} store
   * @param {Handlers} handlers
   */
  constructor(view, selection, store, handlers) {
    this.#view = view;
    this.#selection = selection;
    this.#store = store;
    this.#handlers = handlers;
    const { element } = view;
    element.addEventListener("keydown", (event) => this.#pressed(event));
    element.addEventListener("click", (event) => this.#clicked(event));
    element.addEventListener("focusin", ({ target }) => this.#focused(target));
    // The menu of the browser has nothing to offer for a row; on a link it has.
    element.addEventListener("contextmenu", (event) => this.#menuAsked(event));
    // Shift selects rows, not text.
    element.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
  }

  /** The items that an action on this one is for: all that are selected, if it is one of them. @param {Item} item */
  affected(item) {
    if (!this.#selection.has(item.key)) return [item];
    return this.#view.items.filter(({ key }) => this.#selection.has(key));
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const isControl = target.matches("input, button, a") && this.#view.itemAt(target) !== undefined;
    // Enter and Space press the control that has the focus; a name is being edited in others.
    if (target.matches("input:not([type=checkbox])") || (isControl && (event.key === " " || event.key === "Enter"))) {
      return;
    }
    if (this.#view.itemAt(target) === undefined && !target.matches(".file-rows")) return;
    const isRightToLeft = document.documentElement.dir === "rtl";
    const command = commandOf(event, { ...this.#view.shape, isRightToLeft });
    if (!command || !this.#run(command, target)) return;
    event.preventDefault();
  }

  /**
   * @param {Command} command
   * @param {HTMLElement} target
   * @returns {boolean} whether there was anything to do
   */
  #run(command, target) {
    switch (command.name) {
      case "move":
      case "end":
        return this.#move(command);
      case "control":
        return this.#moveWithin(target, command.by);
      case "all":
        this.#selection.selectAll(this.#view.keys, this.#store.hasMore);
        return true;
      case "clear":
        if (this.#selection.size === 0) return false;
        this.#selection.clear();
        return true;
      case "up":
        this.#handlers.up();
        return true;
      default: {
        const item = this.#focusedItem;
        if (item) this.#act(command.name, item);
        return item !== undefined;
      }
    }
  }

  /**
   * @param {"toggle"|"open"|"rename"|"trash"|"menu"} name
   * @param {Item} item
   */
  #act(name, item) {
    const row = this.#view.rowOf(item.key);
    if (name === "toggle") this.#toggle(item);
    else if (name === "open") this.#handlers.open(item);
    else if (name === "rename") this.#handlers.rename(item);
    else if (name === "trash") this.#handlers.trash(this.affected(item));
    else if (row) this.#handlers.menu(item, row.controls.at(-1) ?? row.element);
  }

  get #focusedItem() {
    const { focus } = this.#selection;
    return this.#view.itemOf(focus ?? this.#view.items[0]?.key ?? "");
  }

  /** @param {Item} item */
  #toggle(item) {
    if (!isReadOnly(this.#store.place)) this.#selection.toggle(item.key);
  }

  /** @param {Command & {name: "move"|"end"}} command */
  #move(command) {
    const { keys } = this.#view;
    const index = this.#view.indexOf(this.#selection.focus);
    const target = targetOf(index, command, keys.length, this.#view.shape.columns);
    if (target === -1) return false;
    if (command.extends && !isReadOnly(this.#store.place)) this.#selection.extendTo(keys[target], keys);
    this.#view.focus(keys[target]);
    return true;
  }

  /**
   * Moves the focus between a row and its controls.
   * @param {HTMLElement} target
   * @param {number} by
   */
  #moveWithin(target, by) {
    const item = this.#view.itemAt(target);
    const row = item && this.#view.rowOf(item.key);
    if (!row) return false;
    const stops = [row.element, ...row.controls];
    const next = stops[stops.indexOf(target) + by];
    next?.focus();
    return next !== undefined;
  }

  /** @param {EventTarget|null} target */
  #focused(target) {
    const item = this.#view.itemAt(target);
    if (item) this.#selection.focusOn(item.key);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const item = this.#view.itemAt(target);
    if (!item) return;
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    const folder = target.closest("a[data-folder]");
    if (folder instanceof HTMLElement) {
      if (!isPlain) return;
      event.preventDefault();
      this.#handlers.openFolder(folder.dataset.folder ?? "");
    } else if (target.closest("[data-select]") || target.closest(".file-check")) {
      this.#check(event, item);
    } else if (target.closest("[data-action]")) {
      this.#pressedControl(event, item);
    } else if (!target.closest("a, button, input")) {
      this.#clickedRow(event, item);
    }
  }

  /**
   * @param {MouseEvent} event
   * @param {Item} item
   */
  #check(event, item) {
    if (event.shiftKey) this.#extendTo(item);
    else this.#toggle(item);
    // A click beside the box counts too: it is small.
    this.#view.rowOf(item.key)?.element.focus({ preventScroll: true });
  }

  /** @param {Item} item */
  #extendTo(item) {
    if (!isReadOnly(this.#store.place)) this.#selection.extendTo(item.key, this.#view.keys);
  }

  /**
   * @param {MouseEvent} event
   * @param {Item} item
   */
  #pressedControl(event, item) {
    const control = /** @type {HTMLElement} */ (/** @type {Element} */ (event.target).closest("[data-action]"));
    const { action } = control.dataset;
    // A click that opens a new tab is left to the browser.
    if (action === "download" && (event.ctrlKey || event.metaKey || event.shiftKey)) return;
    event.preventDefault();
    if (action === "download") this.#handlers.download(item);
    else if (action === "trash") this.#handlers.trash([item]);
    else if (action === "restore") this.#handlers.restore([item]);
    else this.#handlers.menu(item, control);
  }

  /**
   * @param {MouseEvent} event
   * @param {Item} item
   */
  #clickedRow(event, item) {
    // Somebody who selects text in a row does not want to open it.
    if (!getSelection()?.isCollapsed && this.#view.element.contains(getSelection()?.anchorNode ?? null)) return;
    if (event.shiftKey) this.#extendTo(item);
    else if (event.ctrlKey || event.metaKey) this.#toggle(item);
    else this.#handlers.open(item);
    this.#view.rowOf(item.key)?.element.focus({ preventScroll: true });
  }

  /** @param {MouseEvent} event */
  #menuAsked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const item = this.#view.itemAt(target);
    const more = item && this.#view.rowOf(item.key)?.element.querySelector("[data-action=more]:not([hidden])");
    if (!more || target.closest("a, input")) return;
    event.preventDefault();
    this.#handlers.menu(item, /** @type {HTMLElement} */ (more));
  }
}
