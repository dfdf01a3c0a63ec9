import { DragMove, ITEMS } from "../../../static/uploads/page/files/drag-move.js";
import { acceptFiles } from "../../../static/uploads/page/intake/dropzone.js";
import { byId } from "../../../static/uploads/page/ui/elements.js";
import { equal, ok, test } from "../client/testing.js";
import { makeFolder, makeItem } from "./items.js";

/** @import { Item } from "../../../static/uploads/page/files/types.js" */

/** @type {Record<string, Item>} */
const ITEM = { a: makeItem("a"), "folder:Photos": makeFolder("Photos") };

function makeList() {
  document.body.innerHTML = `
    <nav><a id="root" data-folder="" href="/">All files</a></nav>
    <div id="list">
      <div id="row-a" data-key="a"><img id="picture"><a id="link" href="/x">a</a></div>
      <div id="row-p" data-key="folder:Photos"><b id="inner">Photos</b></div>
      <div id="row-o" data-key="folder:Other"><form id="form"><input id="field"></form></div>
    </div>
    <button id="files"></button><input id="file-input"><button id="folder"></button><input id="folder-input">
    <div id="overlay" hidden></div>`;
  /** @type {string[]} */
  const calls = [];
  acceptFiles({
    filesButton: byId("files", HTMLButtonElement),
    filesInput: byId("file-input", HTMLInputElement),
    folderButton: byId("folder", HTMLButtonElement),
    folderInput: byId("folder-input", HTMLInputElement),
    overlay: byId("overlay"),
    onFiles: () => calls.push("upload"),
    onPickFolder: () => {},
  });
  new DragMove(byId("list"), {
    itemsOf: (key) => (ITEM[key] ? [ITEM[key]] : []),
    onMove: (items, to) => calls.push(`${items.map(({ key }) => key)} to "${to}"`),
  });
  const transfer = new DataTransfer();
  const drag = (/** @type {string} */ type, /** @type {string} */ id, given = transfer) => {
    const event = new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: given });
    byId(id, Element).dispatchEvent(event);
    return event;
  };
  return { calls, drag, transfer };
}

/** @type {[row: string, target: string, call: string][]} */
const CASES = [
  ["row-a", "row-p", 'a to "Photos"'],
  ["row-a", "inner", 'a to "Photos"'],
  ["row-a", "root", ""],
  ["row-a", "row-a", ""],
  ["row-p", "row-o", 'folder:Photos to "Other"'],
  ["row-p", "row-p", ""],
  ["row-p", "root", ""],
  ["row-o", "row-p", ""],
];

test("a row that is dropped on a folder is moved there, if that is another place", () => {
  for (const [row, target, call] of CASES) {
    const { calls, drag } = makeList();
    const started = drag("dragstart", row);
    equal(started.defaultPrevented, row === "row-o", `${row} may be dragged`);
    drag("dragenter", target);
    const over = drag("dragover", target);
    equal(over.defaultPrevented, call !== "", `${row} over ${target}`);
    equal(document.querySelectorAll("[data-drop-target]").length, call ? 1 : 0);
    drag("drop", target);
    drag("dragend", row);
    equal(calls, call ? [call] : [], `${row} to ${target}`);
    equal([document.querySelectorAll("[data-drop-target]").length, byId("overlay").hidden], [0, true]);
  }
});

test("a drag that leaves the folder or ends elsewhere moves nothing", () => {
  const { calls, drag } = makeList();
  drag("dragstart", "row-a");
  drag("dragover", "row-p");
  drag("dragover", "overlay");
  equal(document.querySelectorAll("[data-drop-target]").length, 0);
  drag("drop", "overlay");
  drag("dragend", "row-a");
  drag("drop", "row-p");
  equal(calls, []);
});

test("files from outside are uploaded, not moved, wherever they are dropped", () => {
  const { calls, drag } = makeList();
  const outside = new DataTransfer();
  outside.items.add(new File(["x"], "x.txt"));
  drag("dragenter", "row-p", outside);
  equal(byId("overlay").hidden, false);
  drag("dragover", "row-p", outside);
  equal(document.querySelectorAll("[data-drop-target]").length, 0);
  drag("drop", "row-p", outside);
  equal(calls, ["upload"]);
});

test("dragging a row does not look like files from outside", () => {
  const { drag, transfer } = makeList();
  drag("dragstart", "row-a");
  ok(!transfer.types.includes("Files"), "no files");
  equal(transfer.types.includes(ITEMS), true);
});

/** @type {[pressed: string, pointer: string, row: string, isDraggable: boolean][]} */
const PRESSES = [
  ["row-a", "mouse", "row-a", true],
  ["picture", "mouse", "row-a", true],
  ["link", "mouse", "row-a", true],
  ["row-a", "touch", "row-a", false],
  ["row-a", "pen", "row-a", false],
  ["field", "mouse", "row-o", false],
  ["form", "mouse", "row-o", false],
];

test("rows are dragged by the mouse, but not the pictures, links and fields in them", () => {
  for (const [pressed, pointerType, row, isDraggable] of PRESSES) {
    makeList();
    byId(pressed).addEventListener("pointerdown", (event) => event.stopPropagation());
    byId(pressed).dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, pointerType }));
    equal(byId(row).draggable, isDraggable, `${pointerType} on ${pressed}`);
    if (pressed === "picture" || pressed === "link") equal(byId(pressed).draggable, false, pressed);
  }
});
