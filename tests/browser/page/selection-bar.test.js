import { FilesApi } from "../../../static/uploads/client/index.js";
import { ROOT } from "../../../static/uploads/page/files/place.js";
import { Selection } from "../../../static/uploads/page/files/selection.js";
import { SelectionBar } from "../../../static/uploads/page/files/selection-bar.js";
import { FileStore } from "../../../static/uploads/page/files/store.js";
import { byId, find, findAll } from "../../../static/uploads/page/ui/elements.js";
import { hurry, until } from "../client/support.js";
import { equal, test } from "../client/testing.js";
import { makeToast, sentence } from "./action-harness.js";
import { FakeServer } from "./fake-server.js";

/** @import { ViewName } from "../../../static/uploads/page/files/types.js" */

/**
 * @param {(server: FakeServer) => void} fill
 * @param {ViewName} [view]
 */
async function makeBar(fill, view = "files") {
  hurry();
  const server = new FakeServer();
  fill(server);
  const toast = makeToast();
  const store = new FileStore(new FilesApi(server.api), { ...ROOT, view });
  await store.reload();
  const selection = new Selection();
  /** @type {string[]} */
  const calls = [];
  const bar = new SelectionBar(byId("selection-bar"), {
    selection,
    store,
    toast,
    onCommand: (name, items) => calls.push(`${name} ${items.map(({ key }) => key)}`),
    onCleared: () => calls.push("cleared"),
  });
  return { server, store, selection, bar, calls };
}

/** Waits for the next drawing. */
const drawn = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));

/** What the bar shows: its text, and its buttons; a dash before those that are not available. */
async function shown() {
  await drawn();
  const element = byId("selection-bar");
  if (element.hidden) return "";
  const buttons = findAll(element, "[data-command]").filter((button) => !button.hidden);
  const names = buttons.map(
    (button) => (button.getAttribute("aria-disabled") === "true" ? "-" : "") + button.dataset.command,
  );
  return `${find(element, "[data-field=count]").textContent} | ${names.join(" ")}`.replaceAll("\u00a0", " ");
}

/** @param {FakeServer} server */
function some(server) {
  server.store("a", { size: 1_000 });
  server.store("b", { size: 2_500_000 });
  server.folders.add("Photos");
  server.store("t", { state: "trashed", size: 5 });
}

/** @type {[view: ViewName, keys: string[], shown: string][]} */
const CASES = [
  ["files", [], ""],
  ["files", ["a"], "1 selected · 1 kB | download move trash"],
  ["files", ["a", "b"], "2 selected · 2.5 MB | downloadZip move trash"],
  ["files", ["folder:Photos"], "1 selected | downloadZip move trash"],
  ["files", ["a", "folder:Photos"], "2 selected · 1 file: 1 kB | downloadZip move trash"],
  ["files", ["gone"], ""],
  ["trash", ["t"], "1 selected · 5 bytes | restore deletePermanently"],
];

test("the bar says how much is selected, and offers what can be done", async () => {
  for (const [view, keys, expected] of CASES) {
    const { selection } = await makeBar(some, view);
    selection.set(keys);
    equal(await shown(), expected, `${view}: ${keys}`);
  }
});

test("a button applies to what is selected, in the order of the list", async () => {
  const { selection, calls } = await makeBar(some);
  selection.set(["b", "folder:Photos", "a"]);
  await shown();
  find(byId("selection-bar"), "[data-command=move]").click();
  equal(calls, ["move folder:Photos,a,b"]);
  find(byId("selection-bar"), "[data-clear]").focus();
  find(byId("selection-bar"), "[data-clear]").click();
  equal(await shown(), "");
  equal(calls.at(-1), "cleared");
});

test("what leaves the list is no longer selected, and another place begins without a selection", async () => {
  const { store, selection } = await makeBar(some);
  selection.set(["a", "b"]);
  store.remove(["a"]);
  equal(await shown(), "1 selected · 2.5 MB | download move trash");
  await store.go({ ...store.place, folder: "Photos" });
  equal([await shown(), selection.size], ["", 0]);
});

/** @param {FakeServer} server */
function many(server) {
  server.pageSize = 200;
  for (let index = 0; index < 450; index += 1) server.store(`f${index}`);
}

/**
 * Makes the server wait before it sends what was not loaded so far.
 * @param {FakeServer} server
 * @returns {() => void} ends the wait
 */
function holdRest(server) {
  /** @type {(value?: unknown) => void} */
  let release = () => {};
  const held = new Promise((resolve) => {
    release = resolve;
  });
  server.before = ({ path }) => (path.includes("cursor=") ? held : null);
  return release;
}

test("everything is selected, also the pages that were not loaded", async () => {
  const { store, selection, bar, server, calls } = await makeBar(many);
  equal(store.items.length, 200);
  const release = holdRest(server);
  bar.selectAll();
  equal(await shown(), "Selecting… 200 so far | -downloadZip -move -trash");
  find(byId("selection-bar"), "[data-command=trash]").click();
  bar.run("trash");
  equal(calls, [], "nothing is done with a part");
  release();
  await until(() => !selection.isGrowing);
  equal(await shown(), "450 selected · 450 bytes | downloadZip move trash");
  equal(server.log.length, 3);
});

test("what selects all is there until all is selected", async () => {
  const { selection, store } = await makeBar(some);
  const button = find(byId("selection-bar"), "[data-all]");
  selection.toggle(store.items[0].key);
  await drawn();
  equal(button.hidden, false);
  button.focus();
  button.click();
  await drawn();
  equal([selection.size, button.hidden], [3, true]);
  equal(document.activeElement, find(byId("selection-bar"), "[data-clear]"), "the focus stays in the bar");
});

test("the rest is not loaded once nobody wants it", async () => {
  const { bar, selection, server } = await makeBar(many);
  const release = holdRest(server);
  bar.selectAll();
  await until(() => server.log.length === 2);
  selection.clear();
  release();
  await drawn();
  await drawn();
  equal([server.log.length, selection.size, await shown()], [2, 0, ""]);
});

test("if the rest cannot be loaded, the number that is selected is the truth", async () => {
  const { bar, selection, server } = await makeBar(many);
  server.before = ({ path }) => {
    if (path.includes("cursor=400")) server.faults = [{ path: "/folders", fault: 503 }];
  };
  bar.selectAll();
  await until(() => sentence() !== "");
  equal(sentence(), "Only 400 items could be selected. Storage is not responding. Try again in a moment.");
  equal(
    [selection.size, selection.isGrowing, await shown()],
    [400, false, "400 selected · 400 bytes | downloadZip move trash"],
  );
});
