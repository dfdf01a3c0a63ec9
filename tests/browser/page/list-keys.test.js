import { commandOf, targetOf } from "../../../static/uploads/page/files/list-keys.js";
import { equal, test } from "../client/testing.js";

const LIST = { columns: 1, page: 10, isRightToLeft: false };
const TILES = { columns: 4, page: 12, isRightToLeft: false };

/**
 * @param {string} keys such as "Shift+ArrowDown"
 * @param {typeof LIST} list
 */
function press(keys, list) {
  const parts = keys === "+" ? ["+"] : keys.split("+");
  const key = /** @type {string} */ (parts.pop());
  const has = /** @param {string} name */ (name) => parts.includes(name);
  return commandOf(
    { key, shiftKey: has("Shift"), ctrlKey: has("Ctrl"), metaKey: has("Meta"), altKey: has("Alt") },
    list,
  );
}

/** @type {[keys: string, list: typeof LIST, expected: unknown][]} */
const KEYS = [
  ["ArrowDown", LIST, { name: "move", by: 1, extends: false }],
  ["ArrowUp", LIST, { name: "move", by: -1, extends: false }],
  ["Shift+ArrowDown", LIST, { name: "move", by: 1, extends: true }],
  ["ArrowDown", TILES, { name: "move", by: 4, extends: false }],
  ["ArrowUp", TILES, { name: "move", by: -4, extends: false }],
  ["ArrowRight", LIST, { name: "control", by: 1 }],
  ["ArrowLeft", LIST, { name: "control", by: -1 }],
  ["ArrowRight", { ...LIST, isRightToLeft: true }, { name: "control", by: -1 }],
  ["ArrowRight", TILES, { name: "move", by: 1, extends: false }],
  ["Shift+ArrowLeft", TILES, { name: "move", by: -1, extends: true }],
  ["ArrowLeft", { ...TILES, isRightToLeft: true }, { name: "move", by: 1, extends: false }],
  ["PageDown", LIST, { name: "move", by: 10, extends: false }],
  ["Shift+PageUp", TILES, { name: "move", by: -12, extends: true }],
  ["Home", LIST, { name: "end", isLast: false, extends: false }],
  ["End", LIST, { name: "end", isLast: true, extends: false }],
  ["Ctrl+Home", LIST, { name: "end", isLast: false, extends: false }],
  ["Ctrl+Shift+End", LIST, { name: "end", isLast: true, extends: true }],
  [" ", LIST, { name: "toggle" }],
  ["Enter", LIST, { name: "open" }],
  ["F2", LIST, { name: "rename" }],
  ["Delete", LIST, { name: "trash" }],
  ["Escape", LIST, { name: "clear" }],
  ["Ctrl+a", LIST, { name: "all" }],
  ["Meta+a", LIST, { name: "all" }],
  ["Ctrl+A", LIST, { name: "all" }],
  ["ContextMenu", LIST, { name: "menu" }],
  ["Shift+F10", LIST, { name: "menu" }],
  ["Alt+ArrowUp", LIST, { name: "up" }],
  // Keys of the browser, and letters, which do not jump.
  ["F10", LIST, null],
  ["Alt+ArrowLeft", LIST, null],
  ["Ctrl+ArrowDown", LIST, null],
  ["Ctrl+Enter", LIST, null],
  ["Ctrl+f", LIST, null],
  ["Ctrl+r", LIST, null],
  ["Alt+Home", LIST, null],
  ["a", LIST, null],
  ["/", LIST, null],
  ["Tab", LIST, null],
  ["Backspace", LIST, null],
];

test("keys have their usual meaning in a list", () => {
  for (const [keys, list, expected] of KEYS) equal(press(keys, list), expected, keys);
});

/** @type {[keys: string, list: typeof LIST, index: number, count: number, expected: number][]} */
const MOVES = [
  ["ArrowDown", LIST, 0, 3, 1],
  ["ArrowDown", LIST, 2, 3, 2],
  ["ArrowUp", LIST, 0, 3, 0],
  ["ArrowDown", LIST, -1, 3, 0],
  ["ArrowDown", LIST, -1, 0, -1],
  ["End", LIST, 0, 3, 2],
  ["End", LIST, 0, 0, -1],
  ["Home", LIST, 2, 3, 0],
  ["PageDown", LIST, 0, 3, 2],
  ["PageDown", LIST, 5, 30, 15],
  ["PageUp", LIST, 5, 30, 0],
  ["ArrowDown", TILES, 1, 10, 5],
  ["ArrowUp", TILES, 1, 10, 1],
  // Down from the line before the last one, below which there is no tile in this column.
  ["ArrowDown", TILES, 7, 10, 9],
  ["ArrowDown", TILES, 9, 10, 9],
  ["ArrowRight", TILES, 9, 10, 9],
  ["ArrowRight", TILES, 3, 10, 4],
  ["ArrowLeft", TILES, 0, 10, 0],
];

test("the focus moves within the list", () => {
  for (const [keys, list, index, count, expected] of MOVES) {
    const command = press(keys, list);
    if (!command) throw new Error(`${keys} does nothing`);
    equal(targetOf(index, command, count, list.columns), expected, `${keys} at ${index} of ${count}`);
  }
});
