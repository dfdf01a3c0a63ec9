import { FilesApi } from "../../../static/uploads/client/index.js";
import { FolderTree } from "../../../static/uploads/page/files/changes/folder-tree.js";
import { FolderDialog } from "../../../static/uploads/page/files/folder-dialog.js";
import { MoveDialog } from "../../../static/uploads/page/files/move-dialog.js";
import { byId, find, findAll } from "../../../static/uploads/page/ui/elements.js";
import { hurry, until } from "../client/support.js";
import { equal, ok, test } from "../client/testing.js";
import { makeToast } from "./action-harness.js";
import { FakeServer } from "./fake-server.js";
import { makeFolder, makeItem } from "./items.js";

/** @import { Item } from "../../../static/uploads/page/files/types.js" */

/** @param {Item[]} items */
async function open(items) {
  hurry();
  makeToast();
  const server = new FakeServer();
  for (const path of ["Archive", "Music", "Photos", "Photos/2023", "Photos/2024", "Photos/2024/May", "Übersicht"])
    server.folders.add(path);
  server.store("x", { folder: "Music" });
  /** @type {string[]} */
  const calls = [];
  const dialog = new MoveDialog(byId("move-dialog", HTMLDialogElement), {
    tree: new FolderTree(new FilesApi(server.api)),
    create: async (path) => {
      if (server.folders.has(path)) return "There is already a folder with this name. Choose another name.";
      server.folders.add(path);
      return "";
    },
    onSessionEnded: () => calls.push("session ended"),
  });
  const chosen = dialog.choose(items);
  await settled();
  return { server, chosen, calls, dialog };
}

const tree = () => find(byId("move-dialog"), "[role=tree]");
const rows = () => findAll(tree(), "[role=treeitem]");
const button = () => find(byId("move-dialog"), "[data-confirm]");
const problem = () => find(byId("move-dialog"), "[data-field=problem]").textContent;

/** Waits until nothing is being read. */
async function settled() {
  await new Promise((resolve) => requestAnimationFrame(resolve));
  await until(() => !tree().querySelector("[data-state=loading]"));
  await new Promise((resolve) => requestAnimationFrame(resolve));
}

/** The outline as text: the level, the name, the state; the chosen one in brackets. */
function outline() {
  const signs = /** @type {Record<string, string>} */ ({ true: "-", false: "+", null: "" });
  return rows()
    .map((row) => {
      const name = `${signs[String(row.getAttribute("aria-expanded"))]}${row.textContent}`;
      return row.getAttribute("aria-selected") === "true" ? `[${name}]` : name;
    })
    .join(" ");
}

/** @param {string[]} names */
async function keys(...names) {
  for (const name of names) {
    document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
    await settled();
  }
}

test("the tree opens at the folder of what is moved", async () => {
  /** @type {[items: Item[], outline: string, button: string][]} */
  const cases = [
    [[makeItem("a")], "[-All files] +Archive +Music +Photos +Übersicht", "Move"],
    [[makeItem("a", { folder: "Photos" })], "-All files +Archive +Music [+Photos] +Übersicht", "Move"],
    [[makeItem("a", { folder: "Photos/2024" })], "-All files +Archive +Music -Photos +2023 [+2024] +Übersicht", "Move"],
    [[makeFolder("Photos/2024")], "-All files +Archive +Music [+Photos] +Übersicht", "Move"],
    [
      [makeItem("a", { folder: "Photos" }), makeItem("b")],
      "-All files +Archive +Music [+Photos] +Übersicht",
      "Move to “Photos”",
    ],
    [
      [makeItem("a", { folder: "Gone/Away" })],
      "[-All files] +Archive +Music +Photos +Übersicht",
      "Move to “All files”",
    ],
  ];
  for (const [items, expected, text] of cases) {
    await open(items);
    equal([outline(), button().textContent], [expected, text]);
    equal(button().getAttribute("aria-disabled"), String(text === "Move"));
    ok(document.activeElement?.matches("[role=treeitem][aria-selected=true]"), "the chosen folder has the focus");
  }
});

/** @type {[keys: string[], outline: string][]} */
const KEYS = [
  [["ArrowDown"], "-All files [+Archive] +Music +Photos +Übersicht"],
  [["ArrowUp"], "[-All files] +Archive +Music +Photos +Übersicht"],
  [["End"], "-All files +Archive +Music +Photos [+Übersicht]"],
  [["End", "ArrowDown"], "-All files +Archive +Music +Photos [+Übersicht]"],
  [["End", "Home"], "[-All files] +Archive +Music +Photos +Übersicht"],
  [["ArrowRight"], "-All files [+Archive] +Music +Photos +Übersicht"],
  [["ArrowRight", "ArrowRight"], "-All files [Archive] +Music +Photos +Übersicht"],
  [["p"], "-All files +Archive +Music [+Photos] +Übersicht"],
  [["u"], "-All files +Archive +Music +Photos [+Übersicht]"],
  [["p", "ArrowRight"], "-All files +Archive +Music [-Photos] +2023 +2024 +Übersicht"],
  [["p", "ArrowRight", "ArrowRight", "ArrowDown"], "-All files +Archive +Music -Photos +2023 [+2024] +Übersicht"],
  [["p", "ArrowRight", "2", "2"], "-All files +Archive +Music -Photos +2023 [+2024] +Übersicht"],
  [["p", "ArrowRight", "ArrowRight", "ArrowLeft"], "-All files +Archive +Music [-Photos] +2023 +2024 +Übersicht"],
  [["p", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"], "-All files +Archive +Music [+Photos] +Übersicht"],
  [["p", " "], "-All files +Archive +Music [-Photos] +2023 +2024 +Übersicht"],
  [["p", " ", " "], "-All files +Archive +Music [+Photos] +Übersicht"],
  [["ArrowLeft"], "[+All files]"],
  [["x"], "[-All files] +Archive +Music +Photos +Übersicht"],
];

test("the tree works by keyboard", async () => {
  for (const [names, expected] of KEYS) {
    await open([makeItem("a")]);
    await keys(...names);
    equal(outline(), expected, names.join(" "));
    equal(document.activeElement?.getAttribute("aria-selected"), "true", names.join(" "));
  }
});

test("Enter moves, Escape and a click beside the dialog do not", async () => {
  const enter = await open([makeItem("a")]);
  await keys("Enter");
  equal(byId("move-dialog", HTMLDialogElement).open, true, "nothing is moved to where it is");
  await keys("p", "Enter");
  equal(await enter.chosen, "Photos");
  for (const act of [() => byId("move-dialog", HTMLDialogElement).close(), () => byId("move-dialog").click()]) {
    const { chosen } = await open([makeItem("a")]);
    await keys("p");
    act();
    equal(await chosen, null);
  }
});

test("a folder is not moved into itself, and says so by its look", async () => {
  await open([makeFolder("Photos")]);
  await keys("p", "ArrowRight");
  equal([button().getAttribute("aria-disabled"), rows()[3].hasAttribute("data-moving")], ["true", true]);
  await keys("ArrowRight");
  equal(button().getAttribute("aria-disabled"), "true", "inside");
  await keys("m");
  equal([button().getAttribute("aria-disabled"), button().textContent], ["false", "Move to “Music”"]);
});

test("a folder that cannot be read says why, and can be tried again", async () => {
  const { server, calls } = await open([makeItem("a")]);
  server.faults = [{ path: "/folders", fault: 401 }];
  await keys("p", "ArrowRight");
  equal(
    [problem(), calls, outline()],
    [
      "Your session has expired. Sign in again, then retry.",
      ["session ended"],
      "-All files +Archive +Music [+Photos] +Übersicht",
    ],
  );
  await keys("ArrowRight");
  equal([problem(), outline()], ["", "-All files +Archive +Music [-Photos] +2023 +2024 +Übersicht"]);
});

test("a folder that was deleted meanwhile says so", async () => {
  const { server } = await open([makeItem("a")]);
  server.folders.delete("Archive");
  await keys("ArrowDown", "ArrowRight");
  ok(problem()?.startsWith("This folder no longer exists."), problem() ?? "");
});

test("a new folder is created in the chosen one, and chosen", async () => {
  const { chosen, server } = await open([makeItem("a")]);
  await keys("p");
  find(byId("move-dialog"), "[data-new]").click();
  const form = find(byId("move-dialog"), "form", HTMLFormElement);
  const input = find(form, "input", HTMLInputElement);
  equal([document.activeElement, find(form, "[data-field=parent]").textContent], [input, "Photos"]);
  /** @type {[name: string, problem: string][]} */
  const refused = [
    ["", "Enter a name."],
    ["a/b", "The name of a folder cannot contain a slash."],
    ["2024", "There is already a folder with this name. Choose another name."],
  ];
  for (const [name, expected] of refused) {
    input.value = name;
    form.requestSubmit();
    await until(() => problem() === expected);
  }
  input.value = "2022";
  form.requestSubmit();
  await until(() => form.hidden);
  await settled();
  equal(outline(), "-All files +Archive +Music -Photos [2022] +2023 +2024 +Übersicht");
  equal(server.folders.has("Photos/2022"), true);
  await keys("Enter");
  equal(await chosen, "Photos/2022");
});

test("Escape in the field for a new folder closes only the field", async () => {
  await open([makeItem("a")]);
  find(byId("move-dialog"), "[data-new]").click();
  const cancel = new Event("cancel", { cancelable: true });
  byId("move-dialog").dispatchEvent(cancel);
  equal(
    [cancel.defaultPrevented, find(byId("move-dialog"), "form").hidden, byId("move-dialog", HTMLDialogElement).open],
    [true, true, true],
  );
});

test("many folders are read page by page, and files are not", async () => {
  hurry();
  const server = new FakeServer();
  server.pageSize = 10;
  for (let index = 0; index < 25; index += 1) server.folders.add(`F${index}`);
  for (let index = 0; index < 50; index += 1) server.store(`f${index}`);
  const found = await new FolderTree(new FilesApi(server.api)).subfolders("");
  equal([found.length, server.log.length], [25, 3]);
});

test("the dialog for a new folder stays open until there is one", async () => {
  makeToast();
  /** @type {string[]} */
  const created = [];
  const dialog = new FolderDialog(byId("folder-dialog", HTMLDialogElement), async (path) => {
    created.push(path);
    return path === "Photos/taken" ? "There is already a folder with this name." : "";
  });
  dialog.open("Photos");
  const form = find(byId("folder-dialog"), "form", HTMLFormElement);
  const input = find(form, "input", HTMLInputElement);
  const text = () => find(form, "[data-field=problem]").textContent;
  for (const [name, expected] of [
    [" ", "Enter a name."],
    ["a/b", "The name of a folder cannot contain a slash."],
    ["taken", "There is already a folder with this name."],
  ]) {
    input.value = name;
    form.requestSubmit();
    await until(() => text() === expected);
    equal([input.getAttribute("aria-invalid"), document.activeElement], ["true", input], name);
  }
  input.value = "New";
  input.dispatchEvent(new Event("input"));
  equal(text(), "");
  form.requestSubmit();
  await until(() => !byId("folder-dialog", HTMLDialogElement).open);
  equal(created, ["Photos/taken", "Photos/New"]);
});
