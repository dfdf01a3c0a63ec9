import { actionMessages } from "../text/action-messages.js";
import { displayName } from "../text/names.js";
import { canMoveTo } from "./changes/targets.js";
import { nameOf } from "./types.js";

/** @import { Item } from "./types.js" */

/** Marks a drag as one of the page's own items, as opposed to files from outside, whose type is "Files". */
export const ITEMS = "application/x-filehub-items";

/** What items can be dropped on: links to folders, and the rows of folders. */
const TARGETS = 'a[data-folder], [data-key^="folder:"]';

/**
 * Moves items by dragging their rows (`[data-key]` in the list) onto a folder: its row, or a link to it, such as those of
 * the breadcrumb. A menu and a dialog do the same without a mouse.
 */
export class DragMove {
  /** What is being dragged; empty while nothing is. @type {Item[]} */
  #items = [];
  /** @type {HTMLElement|null} */
  #target = null;
  #itemsOf;
  #onMove;

  /**
   * @param {HTMLElement} list
   * @param {object} parts
   * @param {(key: string) => Item[]} parts.itemsOf what is dragged with the row of this item: all that is selected, if it
   *   is; empty if nothing may be dragged
   * @param {(items: Item[], folder: string) => void} parts.onMove
   */
  constructor(list, { itemsOf, onMove }) {
    this.#itemsOf = itemsOf;
    this.#onMove = onMove;
    list.addEventListener("pointerdown", (event) => this.#pressed(event), { capture: true });
    list.addEventListener("dragstart", (event) => this.#started(event));
    document.addEventListener("dragover", (event) => this.#over(event));
    document.addEventListener("drop", (event) => this.#dropped(event));
    document.addEventListener("dragend", () => this.#end());
  }

  /**
   * Makes a row draggable for the mouse only: touch scrolls the list, and text in fields is selected.
   * @param {PointerEvent} event
   */
  #pressed({ target, pointerType }) {
    const element = /** @type {Element} */ (target);
    const row = element.closest("[data-key]");
    if (row instanceof HTMLElement) row.draggable = pointerType === "mouse" && !element.closest("input, form");
    // Pictures and links would be dragged by themselves, and a picture looks like a file from outside.
    const inner = element.closest("img, a");
    if (inner instanceof HTMLElement) inner.draggable = false;
  }

  /** @param {DragEvent} event */
  #started(event) {
    const row = /** @type {Element} */ (event.target).closest?.("[data-key]");
    const items = row instanceof HTMLElement ? this.#itemsOf(row.dataset.key ?? "") : [];
    if (items.length === 0 || !event.dataTransfer) return event.preventDefault();
    this.#items = items;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData(ITEMS, "");
    showChip(event.dataTransfer, items);
  }

  /** @param {DragEvent} event */
  #over(event) {
    if (this.#items.length === 0) return;
    const target = this.#targetAt(event);
    this.#highlight(target);
    if (!target || !event.dataTransfer) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
  }

  /** @param {DragEvent} event */
  #dropped(event) {
    const items = this.#items;
    const target = this.#targetAt(event);
    this.#end();
    if (!target) return;
    event.preventDefault();
    this.#onMove(items, folderOf(target));
  }

  /**
   * @param {DragEvent} event
   * @returns {HTMLElement|null} the folder under the mouse, if the items can be moved there
   */
  #targetAt({ target }) {
    const element = /** @type {Element} */ (target).closest?.(TARGETS);
    if (!(element instanceof HTMLElement) || this.#items.length === 0) return null;
    return canMoveTo(this.#items, folderOf(element)) ? element : null;
  }

  /** @param {HTMLElement|null} target */
  #highlight(target) {
    if (target === this.#target) return;
    this.#target?.removeAttribute("data-drop-target");
    target?.setAttribute("data-drop-target", "");
    this.#target = target;
  }

  #end() {
    this.#items = [];
    this.#highlight(null);
  }
}

/**
 * @param {HTMLElement} target
 * @returns {string} the path of its folder
 */
function folderOf({ dataset }) {
  return dataset.folder ?? dataset.key?.slice("folder:".length) ?? "";
}

/**
 * Shows what is dragged beside the mouse.
 * @param {DataTransfer} transfer
 * @param {Item[]} items
 */
function showChip(transfer, items) {
  const chip = document.createElement("div");
  chip.className = "drag-chip";
  chip.textContent = items.length === 1 ? displayName(nameOf(items[0])) : actionMessages.items(items.length);
  document.body.append(chip);
  transfer.setDragImage(chip, -12, -12);
  // The browser has taken its picture by then.
  setTimeout(() => chip.remove(), 0);
}
