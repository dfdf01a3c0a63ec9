import { canMoveTo } from "../../../static/uploads/page/files/changes/targets.js";
import { commandsFor } from "../../../static/uploads/page/files/commands.js";
import { ItemMenu } from "../../../static/uploads/page/files/item-menu.js";
import { stemLength } from "../../../static/uploads/page/files/rename-field.js";
import { byId, findAll } from "../../../static/uploads/page/ui/elements.js";
import { equal, ok, test } from "../client/testing.js";
import { makeToast } from "./action-harness.js";
import { makeFolder, makeItem } from "./items.js";

/** @import { Item, ViewName } from "../../../static/uploads/page/files/types.js" */

/** @type {[view: ViewName, items: Item[], commands: string][]} */
const COMMANDS = [
  ["files", [], ""],
  ["files", [makeItem("a")], "preview download rename move details trash"],
  ["files", [makeFolder("A")], "open downloadZip rename move trash"],
  ["files", [makeItem("a"), makeItem("b")], "downloadZip move trash"],
  ["files", [makeItem("a"), makeFolder("A")], "downloadZip move trash"],
  ["files", [makeFolder("A"), makeFolder("B")], "downloadZip move trash"],
  ["trash", [makeItem("a")], "restore details deletePermanently"],
  ["trash", [makeItem("a"), makeItem("b")], "restore deletePermanently"],
  ["rejected", [makeItem("a")], "details"],
  ["rejected", [makeItem("a"), makeItem("b")], ""],
];

test("what can be done depends on the view and on what is selected", () => {
  for (const [view, items, commands] of COMMANDS) equal(commandsFor(view, items).join(" "), commands);
});

/** @type {[items: Item[], to: string, can: boolean][]} */
const TARGETS = [
  [[makeItem("a", { folder: "A" })], "", true],
  [[makeItem("a", { folder: "A" })], "A", false],
  [[makeItem("a")], "", false],
  [[makeItem("a")], "A", true],
  [[makeItem("a", { folder: "A" }), makeItem("b", { folder: "B" })], "A", true],
  [[makeFolder("A")], "", false],
  [[makeFolder("A")], "A", false],
  [[makeFolder("A")], "A/B", false],
  [[makeFolder("A")], "AB", true],
  [[makeFolder("A")], "B", true],
  [[makeFolder("A/B")], "", true],
  [[makeFolder("A/B")], "A", false],
  [[makeFolder("A"), makeItem("a", { folder: "B" })], "A/C", false],
  [[makeFolder("A"), makeItem("a", { folder: "B" })], "B", true],
  [[], "A", false],
];

test("items can be moved to where they are not, and never into themselves", () => {
  for (const [items, to, can] of TARGETS) equal(canMoveTo(items, to), can, `${JSON.stringify(items)} to ${to}`);
});

/** What is selected when a name is edited. @type {[name: string, stem: string][]} */
const STEMS = [
  ["a.txt", "a"],
  ["Report 2.0.pdf", "Report 2.0"],
  ["archive.tar.gz", "archive"],
  ["ARCHIVE.TAR.XZ", "ARCHIVE"],
  ["v1.tar", "v1"],
  [".gitignore", ".gitignore"],
  [".env.local", ".env"],
  ["README", "README"],
  ["a.", "a."],
  ["3. Chapter", "3. Chapter"],
  ["Brief an Hr. Müller", "Brief an Hr. Müller"],
  ["photo.jpeg", "photo"],
  ["фото.жпг", "фото"],
  ["a.b/c", "a.b/c"],
  ["x.averyveryverylongextension", "x.averyveryverylongextension"],
];

test("the extension is not selected when a name is edited", () => {
  for (const [name, stem] of STEMS) equal(name.slice(0, stemLength(makeItem("a", { file_name: name }))), stem, name);
  equal(stemLength(makeFolder("Photos 1.5")), "Photos 1.5".length);
});

function makeMenu() {
  makeToast();
  document.body.insertAdjacentHTML(
    "beforeend",
    '<button id="opener" aria-haspopup="menu" aria-expanded="false"></button>',
  );
  /** @type {string[]} */
  const chosen = [];
  const menu = new ItemMenu(byId("item-menu"), (name, items) => chosen.push(`${name} ${items.map(({ key }) => key)}`));
  /** The command of the focused item. */
  const focused = () =>
    /** @type {HTMLElement} */ (document.activeElement).dataset.command ?? document.activeElement?.id;
  const keys = (/** @type {string[]} */ ...names) => {
    for (const name of names) {
      document.activeElement?.dispatchEvent(
        new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }),
      );
    }
    return focused();
  };
  return { menu, chosen, keys, focused, opener: byId("opener") };
}

test("the menu works by keyboard", () => {
  const { menu, keys, focused, opener } = makeMenu();
  /** @type {[keys: string[], focused: string][]} */
  const cases = [
    [[], "preview"],
    [["ArrowDown"], "download"],
    [["ArrowDown", "ArrowDown"], "rename"],
    [["ArrowUp"], "trash"],
    [["ArrowUp", "ArrowDown"], "preview"],
    [["End"], "trash"],
    [["End", "Home"], "preview"],
    [["d"], "download"],
    [["d", "d"], "details"],
    [["d", "d", "D"], "trash"],
    [["d", "d", "d", "d"], "download"],
    [["r"], "rename"],
    [["x"], "preview"],
    [["Escape"], "opener"],
    [["Tab"], "opener"],
  ];
  for (const [names, expected] of cases) {
    menu.open(opener, "files", [makeItem("a")]);
    equal([opener.getAttribute("aria-expanded"), byId("item-menu").getAttribute("role")], ["true", "menu"]);
    if (names.length > 0) keys(...names);
    equal(focused(), expected, names.join(" "));
    menu.close();
    equal(opener.getAttribute("aria-expanded"), "false");
  }
});

test("an item is chosen once, and the focus is back before it is carried out", () => {
  const { menu, chosen, focused, opener } = makeMenu();
  menu.open(opener, "files", [makeItem("a"), makeFolder("A")]);
  for (const item of findAll(byId("item-menu"), "[data-command=move]")) item.click();
  equal([chosen, focused(), menu.isOpen], [["move a,folder:A"], "opener", false]);
});

test("the menu closes on a click elsewhere, on scrolling, and at its own button", () => {
  const { menu, opener } = makeMenu();
  const open = () => {
    menu.open(opener, "files", [makeItem("a")]);
    equal(menu.isOpen, true);
  };
  open();
  byId("list").dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
  equal(menu.isOpen, false, "a click elsewhere");
  open();
  byId("item-menu").dispatchEvent(new Event("scroll"));
  equal(menu.isOpen, true, "scrolling in the menu");
  document.dispatchEvent(new Event("scroll"));
  equal([menu.isOpen, document.activeElement], [false, opener], "scrolling");
  open();
  menu.open(opener, "files", [makeItem("a")]);
  equal(menu.isOpen, false, "the button again");
  menu.open(opener, "rejected", [makeItem("a"), makeItem("b")]);
  equal(menu.isOpen, false, "nothing to choose");
});

test("keys in the menu do not reach the list", () => {
  const { menu, keys, opener } = makeMenu();
  let reached = 0;
  addEventListener("keydown", () => {
    reached += 1;
  });
  menu.open(opener, "files", [makeItem("a")]);
  keys("ArrowDown", "Delete", "a", "Escape");
  equal(reached, 0);
});

test("the menu stays inside the window", () => {
  const { menu, opener } = makeMenu();
  const element = byId("item-menu");
  element.style.position = "fixed";
  for (const [x, y] of [
    [0, 0],
    [innerWidth, 0],
    [0, innerHeight],
    [innerWidth, innerHeight],
  ]) {
    menu.open(opener, "files", [makeItem("a")], { x, y });
    const { left, right, top, bottom } = element.getBoundingClientRect();
    ok(
      left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight,
      `at ${x}, ${y}: ${left} ${top} ${right} ${bottom}`,
    );
  }
});
