import { actionMessages } from "../text/action-messages.js";
import { searchKey } from "../text/names.js";
import { findAll } from "../ui/elements.js";
import { commandsFor, DESTRUCTIVE } from "./commands.js";
import { nameOf } from "./types.js";

/** @import { CommandName } from "./commands.js" */
/** @import { Item, ViewName } from "./types.js" */

/** Pixels between the menu and the edges of the window. */
const MARGIN = 8;

/**
 * The menu of what can be done with an item, or with several: at the button of a row, or where the mouse was clicked
 * with the right button. One element serves all rows.
 *
 * https://www.w3.org/WAI/ARIA/apg/patterns/menu-button/
 */
export class ItemMenu {
  #element;
  #onCommand;
  /** @type {HTMLElement|null} */
  #opener = null;

  /**
   * @param {HTMLElement} element an empty one
   * @param {(name: CommandName, items: Item[]) => void} onCommand
   */
  constructor(element, onCommand) {
    this.#element = element;
    this.#onCommand = onCommand;
    element.setAttribute("role", "menu");
    element.addEventListener("keydown", (event) => this.#pressed(event));
    element.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && !element.contains(relatedTarget)) this.close({ refocus: false });
    });
    document.addEventListener("pointerdown", ({ target }) => {
      const isElsewhere = target instanceof Node && !element.contains(target) && !this.#opener?.contains(target);
      if (isElsewhere) this.close({ refocus: false });
    });
    // Its place would be wrong. The menu itself scrolls where the window is low.
    addEventListener("scroll", ({ target }) => target !== element && this.close(), { capture: true, passive: true });
    addEventListener("resize", () => this.close());
  }

  get isOpen() {
    return !this.#element.hidden;
  }

  /**
   * Opens it, or closes it if it is open at this element.
   * @param {HTMLElement} opener gets the focus when the menu is closed; its `aria-expanded` follows
   * @param {ViewName} view
   * @param {Item[]} items
   * @param {{x: number, y: number}} [point] where, instead of at the opener
   */
  open(opener, view, items, point) {
    const wasHere = this.isOpen && this.#opener === opener && !point;
    this.close({ refocus: wasHere });
    const names = commandsFor(view, items);
    if (wasHere || names.length === 0) return;
    this.#opener = opener;
    if (opener.hasAttribute("aria-haspopup")) opener.setAttribute("aria-expanded", "true");
    const what = items.length === 1 ? nameOf(items[0]) : actionMessages.items(items.length);
    this.#element.setAttribute("aria-label", actionMessages.menuLabel(what));
    this.#element.replaceChildren(...names.map((name) => this.#item(name, items)));
    this.#element.hidden = false;
    this.#place(point ?? corner(opener));
    this.#items[0].focus();
  }

  /** @param {{refocus?: boolean}} [options] whether the focus goes back to where it was */
  close({ refocus = true } = {}) {
    if (!this.isOpen) return;
    this.#element.hidden = true;
    const opener = this.#opener;
    this.#opener = null;
    if (opener?.hasAttribute("aria-expanded")) opener.setAttribute("aria-expanded", "false");
    if (refocus && opener?.isConnected) opener.focus({ preventScroll: true });
  }

  get #items() {
    return findAll(this.#element, "[role=menuitem]");
  }

  /**
   * @param {CommandName} name
   * @param {Item[]} items
   */
  #item(name, items) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = DESTRUCTIVE.has(name) ? "item-menu-item item-menu-danger" : "item-menu-item";
    button.setAttribute("role", "menuitem");
    button.tabIndex = -1;
    button.dataset.command = name;
    button.textContent = actionMessages.action[name];
    button.addEventListener("click", () => {
      // The command may put the focus elsewhere, in a field or a dialog, from which it comes back.
      this.close();
      this.#onCommand(name, items);
    });
    return button;
  }

  /** @param {{x: number, y: number}} point the corner at which the menu begins, if there is room */
  #place({ x, y }) {
    const { width, height } = this.#element.getBoundingClientRect();
    const left = Math.max(MARGIN, Math.min(x, innerWidth - width - MARGIN));
    const top = y + height + MARGIN > innerHeight ? Math.max(MARGIN, y - height) : y;
    this.#element.style.left = `${left}px`;
    this.#element.style.top = `${top}px`;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    // Nothing that is pressed in the menu is for the list.
    event.stopPropagation();
    const items = this.#items;
    const index = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const { length } = items;
    /** @type {Record<string, number>} */
    const targets = {
      ArrowDown: (index + 1) % length,
      ArrowUp: (index + length - 1) % length,
      Home: 0,
      End: length - 1,
    };
    if (Object.hasOwn(targets, event.key)) items[targets[event.key]].focus();
    else if (event.key === "Escape") this.close();
    else if (event.key === "Tab") return this.close();
    else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey)
      this.#jump(items, index, event.key);
    else return;
    event.preventDefault();
  }

  /**
   * Focuses the next item that begins with a letter.
   * @param {HTMLElement[]} items
   * @param {number} index of the focused one
   * @param {string} letter
   */
  #jump(items, index, letter) {
    const following = [...items.slice(index + 1), ...items.slice(0, index + 1)];
    following.find((item) => searchKey(item.textContent ?? "").startsWith(searchKey(letter)))?.focus();
  }
}

/** @param {HTMLElement} opener */
function corner(opener) {
  const { left, right, bottom } = opener.getBoundingClientRect();
  return { x: document.dir === "rtl" ? right : left, y: bottom + 4 };
}
