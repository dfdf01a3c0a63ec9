/**
 * What a key does in the list. `by` is a number of items, `controls` a number of controls within a row.
 * @typedef {{name: "move", by: number, extends: boolean}
 *   | {name: "end", isLast: boolean, extends: boolean}
 *   | {name: "control", by: number}
 *   | {name: "toggle" | "all" | "open" | "rename" | "trash" | "clear" | "menu" | "up"}} Command
 */

/** @typedef {Pick<KeyboardEvent, "key"|"shiftKey"|"ctrlKey"|"metaKey"|"altKey">} Key */

/**
 * @param {Key} event
 * @param {object} list
 * @param {number} list.columns items beside each other; 1 in a list
 * @param {number} list.page items that are visible
 * @param {boolean} list.isRightToLeft
 * @returns {Command|null} null for keys of the browser
 */
export function commandOf(event, { columns, page, isRightToLeft }) {
  const { key, shiftKey, altKey } = event;
  const hasCtrl = event.ctrlKey || event.metaKey;
  if (altKey) return key === "ArrowUp" && !hasCtrl ? { name: "up" } : null;
  if (hasCtrl && key.toLowerCase() === "a") return { name: "all" };
  if (key === "Home" || key === "End") return { name: "end", isLast: key === "End", extends: shiftKey };
  if (hasCtrl) return null;
  const across = (key === "ArrowRight") === isRightToLeft ? -1 : 1;
  switch (key) {
    case "ArrowDown":
      return { name: "move", by: columns, extends: shiftKey };
    case "ArrowUp":
      return { name: "move", by: -columns, extends: shiftKey };
    case "ArrowLeft":
    case "ArrowRight":
      return columns > 1 ? { name: "move", by: across, extends: shiftKey } : { name: "control", by: across };
    case "PageDown":
      return { name: "move", by: page, extends: shiftKey };
    case "PageUp":
      return { name: "move", by: -page, extends: shiftKey };
    case " ":
      return { name: "toggle" };
    case "Enter":
      return { name: "open" };
    case "F2":
      return { name: "rename" };
    case "Delete":
      return { name: "trash" };
    case "Escape":
      return { name: "clear" };
    case "ContextMenu":
      return { name: "menu" };
    case "F10":
      return shiftKey ? { name: "menu" } : null;
    default:
      return null;
  }
}

/**
 * @param {number} index where the focus is; -1 for nowhere
 * @param {Command} command
 * @param {number} count items
 * @param {number} columns
 * @returns {number} where it goes; -1 if there is nothing
 */
export function targetOf(index, command, count, columns) {
  if (count === 0) return -1;
  if (command.name === "end") return command.isLast ? count - 1 : 0;
  if (command.name !== "move" || index === -1) return Math.max(index, 0);
  const target = index + command.by;
  if (target >= 0 && target < count) return target;
  // By one item or a page it stops at the end; by a line it stays in its column.
  if (Math.abs(command.by) !== columns || columns === 1) return Math.min(Math.max(target, 0), count - 1);
  const isLastLine = Math.floor(index / columns) === Math.floor((count - 1) / columns);
  return target < 0 || isLastLine ? index : count - 1;
}
