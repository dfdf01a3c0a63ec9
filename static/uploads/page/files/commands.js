/** @import { Actions } from "./actions.js" */
/** @import { Item, ViewName } from "./types.js" */

/**
 * @typedef {"open"|"preview"|"download"|"downloadZip"|"rename"|"move"|"details"|"trash"|"restore"|"deletePermanently"} CommandName
 */

/**
 * @param {ViewName} view
 * @param {Item[]} items
 * @returns {CommandName[]} what can be done with them, in the order of the menu
 */
export function commandsFor(view, items) {
  if (items.length === 0) return [];
  const [first] = items;
  const isOne = items.length === 1;
  if (view === "rejected" || view === "scanning") return isOne ? ["details"] : [];
  if (view === "trash") return ["restore", ...(isOne ? /** @type {const} */ (["details"]) : []), "deletePermanently"];
  if (!isOne) return ["downloadZip", "move", "trash"];
  if (first.kind === "folder") return ["open", "downloadZip", "rename", "move", "trash"];
  return ["preview", "download", "rename", "move", "details", "trash"];
}

/** The commands that end what they are applied to, and are set apart in menus. @type {Set<CommandName>} */
export const DESTRUCTIVE = new Set(/** @type {CommandName[]} */ (["trash", "deletePermanently"]));

/**
 * What the list does itself.
 * @typedef {object} ListParts
 * @property {Actions} actions
 * @property {() => ViewName} view
 * @property {(item: Item) => void} open opens a folder
 * @property {(item: Item) => void} preview
 * @property {(item: Item) => void} details
 * @property {(item: Item) => void} rename begins to edit the name in its row
 * @property {(items: Item[]) => Promise<string|null>} chooseFolder asks where to; null if the user does not choose
 */

/** Applies commands to items, whether they come from a menu, the bar of the selection or the keyboard. */
export class Commands {
  #parts;

  /** @param {ListParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * Does nothing if the command does not apply to these items.
   * @param {CommandName} name
   * @param {Item[]} items
   */
  async run(name, items) {
    if (!commandsFor(this.#parts.view(), items).includes(name)) return;
    const { actions, open, preview, details, rename } = this.#parts;
    const [first] = items;
    switch (name) {
      case "open":
        return open(first);
      case "preview":
        return preview(first);
      case "details":
        return details(first);
      case "rename":
        return rename(first);
      case "download":
        return await actions.download(first);
      case "move":
        return await this.#move(items);
      default:
        return await actions[name](items);
    }
  }

  /** @param {Item[]} items */
  async #move(items) {
    const folder = await this.#parts.chooseFolder(items);
    if (folder !== null) await this.#parts.actions.moveTo(items, folder);
  }
}
