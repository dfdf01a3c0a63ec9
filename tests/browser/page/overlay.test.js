import { LoadedPages } from "../../../static/uploads/page/files/loaded-pages.js";
import { comparing } from "../../../static/uploads/page/files/order.js";
import { Overlay } from "../../../static/uploads/page/files/overlay.js";
import { equal, test } from "../client/testing.js";
import { makeFolder, makeFolderInfo, makeItem, makePage } from "./items.js";

/** @typedef {import("../../../static/uploads/page/files/types.js").Item} Item */
/** @typedef {import("../../../static/uploads/page/files/types.js").Sort} Sort */

/** @param {Item[]} items */
function keys(items) {
  return items.map(({ key }) => key);
}

const SERVER = ["5", "4", "3"].map((id) => makeItem(id));

test("what this page has changed is shown until the server's list has it", () => {
  let now = 0;
  const overlay = new Overlay(() => now);
  overlay.remove(["4"]);
  overlay.add([makeItem("6")]);
  overlay.replace(makeItem("3", { file_name: "new.txt" }));
  const shown = overlay.apply(SERVER, "-date", true);
  equal(keys(shown), ["6", "5", "3"]);
  equal(shown[2], makeItem("3", { file_name: "new.txt" }));
  // The index of the server is behind: nothing changes.
  overlay.settle(SERVER);
  equal(keys(overlay.apply(SERVER, "-date", true)), ["6", "5", "3"]);
  // The server has it, and then somebody else changes it again.
  overlay.settle([makeItem("6"), makeItem("3", { file_name: "new.txt" })]);
  const later = [makeItem("5"), makeItem("3", { file_name: "newer.txt" })];
  equal(overlay.apply(later, "-date", true), later);
  // What the server says for longer than its indexes can be behind is true.
  now = 60_000;
  equal(keys(overlay.apply(SERVER, "-date", true)), ["5", "4", "3"]);
});

test("an item that is back after an undo appears once, where it was", () => {
  const overlay = new Overlay(() => 0);
  overlay.remove(["4"]);
  overlay.add([SERVER[1]]);
  equal(keys(overlay.apply(SERVER, "-date", true)), ["5", "4", "3"], "the server still lists it");
  equal(keys(overlay.apply([SERVER[0], SERVER[2]], "-date", true)), ["5", "4", "3"], "the server has removed it");
});

test("an item that belongs after the loaded pages is left to the next page", () => {
  const overlay = new Overlay(() => 0);
  overlay.add([makeItem("1"), makeItem("45")]);
  equal(keys(overlay.apply(SERVER, "-date", false)), ["5", "45", "4", "3"]);
  equal(keys(overlay.apply(SERVER, "-date", true)), ["5", "45", "4", "3", "1"]);
});

test("new items are where the server will list them", () => {
  const names = ["Äpfel", "Zebra", "apfel 2", "Über"];
  /** @type {[sort: Sort, expected: string[]][]} */
  const cases = [
    ["-date", ["folder:a", "folder:b", "4", "3", "2", "1"]],
    ["date", ["1", "2", "3", "4", "folder:a", "folder:b"]],
    ["name", ["folder:a", "folder:b", "1", "3", "4", "2"]],
    ["-name", ["2", "4", "3", "1", "folder:b", "folder:a"]],
  ];
  const items = [
    makeFolder("b"),
    ...names.map((name, index) => makeItem(String(index + 1), { file_name: name })),
    makeFolder("a"),
  ];
  for (const [sort, expected] of cases) equal(keys([...items].sort(comparing(sort))), expected, sort);
});

test("a page that is read again takes what has moved into it from the others", () => {
  const pages = new LoadedPages("-date");
  pages.set(0, makePage(["9", "8"], { next_cursor: "8" }));
  pages.set(1, makePage(["7", "6"], { next_cursor: "6" }));
  pages.set(2, makePage(["5"]));
  equal(keys(pages.items), ["9", "8", "7", "6", "5"]);
  pages.markStale();
  // "8" was removed, so the first page ends later.
  pages.set(0, makePage(["9", "7"], { next_cursor: "7" }));
  equal(keys(pages.items), ["9", "7", "6", "5"]);
  equal([pages.cursorOf(1), pages.staleIn(0, 4)], ["7", 1]);
  pages.set(1, makePage(["6", "5"], { next_cursor: null }));
  equal([keys(pages.items), pages.count, pages.next], [["9", "7", "6", "5"], 2, null]);
});

test("files that were added in the middle of a list push the others into the next page", () => {
  const pages = new LoadedPages("name");
  pages.set(0, makePage(["a", "c"], { next_cursor: "c" }));
  pages.set(1, makePage(["d", "e"], { next_cursor: null }));
  pages.set(0, makePage(["a", "b"], { next_cursor: "b" }));
  // "c" is missing until the next page is read, which begins earlier now.
  equal([keys(pages.items), pages.cursorOf(1), pages.staleIn(2, 4)], [["a", "b", "d", "e"], "b", 1]);
  pages.set(1, makePage(["c", "d"], { next_cursor: "d" }));
  equal([keys(pages.items), pages.next], [["a", "b", "c", "d"], "d"]);
});

test("only the pages that are looked at are read again, and the first one for its totals", () => {
  const pages = new LoadedPages("-date");
  for (let page = 0; page < 5; page += 1) {
    const ids = ["a", "b"].map((letter) => `${9 - page}${letter}`);
    pages.set(page, makePage(ids, { next_cursor: ids[1] }));
  }
  /** @type {[from: number, to: number, expected: number[]][]} */
  const cases = [
    [0, 1, [0]],
    [5, 7, [0, 2, 3]],
    [9, 10, [0, 4]],
  ];
  for (const [from, to, expected] of cases) {
    pages.markStale();
    /** @type {number[]} */
    const read = [];
    for (let index = pages.staleIn(from, to); index !== -1; index = pages.staleIn(from, to)) {
      read.push(index);
      const ids = ["a", "b"].map((letter) => `${9 - index}${letter}`);
      pages.set(index, makePage(ids, { next_cursor: ids[1] }));
    }
    equal(read, expected, `items ${from} to ${to}`);
  }
});

test("folders come where the server puts them, and the totals are those of the last answer", () => {
  for (const sort of /** @type {Sort[]} */ (["-date", "date"])) {
    const pages = new LoadedPages(sort);
    pages.set(0, makePage(["1"], { folders: [makeFolderInfo("x")], folder: { ...makeFolderInfo(""), files: 7 } }));
    equal(keys(pages.items), sort === "-date" ? ["folder:x", "1"] : ["1", "folder:x"]);
    equal(pages.folder?.files, 7);
  }
});
