import { itemFor } from "../../../static/uploads/page/files/arrivals.js";
import { endingOf } from "../../../static/uploads/page/files/list-end.js";
import { ROOT } from "../../../static/uploads/page/files/place.js";
import { hasNotes, rowText } from "../../../static/uploads/page/files/row-text.js";
import { totalOf } from "../../../static/uploads/page/files/toolbar.js";
import { rowNameParts } from "../../../static/uploads/page/text/names.js";
import { equal, ok, test } from "../client/testing.js";
import { makeFolder, makeFolderInfo, makeItem, makeListedFile } from "./items.js";

/** @typedef {import("../../../static/uploads/page/files/types.js").Place} Place */

const STORE = {
  place: /** @type {Place} */ (ROOT),
  items: [makeItem("1")],
  hasMore: false,
  isPaused: false,
  isReading: false,
  state: /** @type {"ready"|"failed"|"loading"} */ ("ready"),
  problem: /** @type {any} */ (null),
  examined: 0,
  folder: { ...makeFolderInfo(""), files: 1234, bytes: 5_600_000 },
};

/** @type {[what: string, changes: object, title: string|null, action: string][]} */
const ENDINGS = [
  ["a list that is complete", {}, null, ""],
  ["a list that is being read", { state: "loading", items: [] }, null, ""],
  ["a list with more", { hasMore: true }, null, ""],
  ["more that is being read", { hasMore: true, isReading: true }, "", ""],
  ["more that could not be read", { hasMore: true, problem: { code: "network" } }, "", "retry"],
  ["no files at all", { items: [] }, "No files yet", ""],
  ["an empty folder", { items: [], place: { ...ROOT, folder: "a" } }, "This folder is empty", ""],
  ["no file of a type", { items: [], place: { ...ROOT, type: "pdf" } }, "No files of this type here", "types"],
  ["an empty trash", { items: [], place: { ...ROOT, view: "trash" } }, "The trash is empty", ""],
  [
    "no rejections",
    { items: [], place: { ...ROOT, view: "rejected" } },
    "No upload was rejected in the last 28 days",
    "",
  ],
  ["no match", { items: [], place: { ...ROOT, q: "x\u202ey" } }, "No file name contains “x\ufffdy”", "clear"],
  [
    "no match in a folder",
    { items: [], place: { ...ROOT, q: "x", folder: "a" } },
    "No file name contains “x”",
    "everywhere",
  ],
  [
    "no match so far",
    { items: [], place: { ...ROOT, q: "x" }, hasMore: true, isPaused: true, examined: 10_000 },
    "No match for “x” so far",
    "more",
  ],
  [
    "a search with few matches",
    { place: { ...ROOT, q: "x" }, hasMore: true, isPaused: true, examined: 10_000 },
    "",
    "more",
  ],
  ["a search that goes on", { items: [], place: { ...ROOT, q: "x" }, hasMore: true }, "", ""],
  [
    "a missing folder",
    { state: "failed", items: [], problem: { code: "folder_not_found" } },
    "This folder does not exist",
    "home",
  ],
  [
    "a path that no folder has",
    { state: "failed", items: [], problem: { code: "invalid_folder" } },
    "This folder does not exist",
    "home",
  ],
  [
    "no storage",
    { state: "failed", items: [], problem: { code: "unavailable" } },
    "Your files cannot be listed at the moment",
    "retry",
  ],
  [
    "no session",
    { state: "failed", items: [], problem: { code: "session_ended" } },
    "Your files cannot be listed at the moment",
    "retry",
  ],
];

test("the end of the list says why it ends, and what one can do", () => {
  for (const [what, changes, title, action] of ENDINGS) {
    const ending = endingOf({ ...STORE, ...changes });
    equal(ending && [ending.title, ending.action], title === null ? null : [title, action], what);
  }
});

test("the head says how much there is, as far as it is known", () => {
  const IN_A = { ...ROOT, folder: "a" };
  /** @type {[changes: object, expected: string][]} */
  const cases = [
    [{}, "1,234 files in total, 5.6\u00a0MB"],
    [{ folder: { ...makeFolderInfo(""), files: 1, bytes: 1 } }, "1 file in total, 1\u00a0byte"],
    [{ place: IN_A, folder: { ...makeFolderInfo("a"), files: 1, bytes: 1 } }, "1 file here, 1\u00a0byte"],
    [{ place: IN_A, folder: { ...makeFolderInfo("a"), files: 2, bytes: 1 } }, "2 files here, 1\u00a0byte"],
    [{ folder: { ...makeFolderInfo(""), files: 0, bytes: 0 } }, ""],
    [{ place: { ...ROOT, type: "pdf" } }, "1 file"],
    [{ place: { ...ROOT, type: "pdf" }, hasMore: true }, "1 file so far"],
    [{ place: { ...ROOT, q: "x" }, folder: null }, "1 match"],
    [{ place: { ...ROOT, q: "x" }, folder: null, hasMore: true }, "1 match so far"],
    [{ place: { ...ROOT, view: "trash" }, folder: null, items: [makeItem("1"), makeItem("2")] }, "2 files"],
    [{ place: { ...ROOT, view: "trash" }, folder: null, items: [] }, ""],
    [{ folder: { ...makeFolderInfo("a"), moving_to: "b/c" } }, "This folder is being moved to b/c."],
    [{ state: "failed" }, ""],
  ];
  for (const [changes, expected] of cases) equal(totalOf({ ...STORE, ...changes }), expected, JSON.stringify(changes));
});

test("a row has a second line where it says more than the folder it is in", () => {
  const trashed = makeItem("1", {
    state: "trashed",
    trashed_at: "2026-02-01T00:00:00Z",
    purge_at: "2026-03-03T12:00:00Z",
  });
  const rejected = makeItem("1", { state: "rejected", reason: "Too \u202elarge." });
  const found = makeItem("1", { folder: "Photos/2024" });
  /** @type {[item: any, place: Place, note: string, noteFolder: string, isProblem: boolean, time: string][]} */
  const cases = [
    [makeItem("1"), ROOT, "", "", false, "2026-01-31T13:05:00Z"],
    [found, { ...ROOT, q: "1" }, "in 2024", "Photos/2024", false, "2026-01-31T13:05:00Z"],
    [makeItem("1"), { ...ROOT, q: "1" }, "in All files", "", false, "2026-01-31T13:05:00Z"],
    [trashed, { ...ROOT, view: "trash" }, "Deleted permanently on Mar 3, 2026", "", false, "2026-02-01T00:00:00Z"],
    [rejected, { ...ROOT, view: "rejected" }, "Too \ufffdlarge.", "", true, "2026-01-31T13:05:00Z"],
    [
      makeItem("1", { state: "rejected" }),
      { ...ROOT, view: "rejected" },
      "It broke a rule for uploads.",
      "",
      true,
      "2026-01-31T13:05:00Z",
    ],
    [makeFolder("a/b"), { ...ROOT, folder: "a" }, "", "", false, ""],
  ];
  for (const [item, place, ...expected] of cases) {
    const { note, noteFolder, isProblem, time } = rowText(item, place);
    equal([note, noteFolder, isProblem, time], expected, `${note} at ${JSON.stringify(place)}`);
    ok(note === "" || hasNotes(place), "there is space for the second line");
  }
});

test("a name that is too long loses its middle, never its extension", () => {
  for (const name of [
    "Quarterly report with a very long name 2024 final version.pdf",
    "IMG_20240131_130501.jpeg",
    "archive-of-everything.tar.gz",
    "日本語のとても長いファイル名.txt",
    "no extension but very long indeed",
    "x".repeat(200),
    `${"👩‍👩‍👧‍👦".repeat(9)}.png`,
    "short.txt",
    "",
  ]) {
    const { head, tail } = rowNameParts(name);
    equal(head + tail, name);
    ok(tail.length <= 14, `${tail} is short`);
    const extension = /\.\w{2,4}$/.exec(name)?.[0] ?? "";
    ok(name.length <= 6 || tail.endsWith(extension), `${tail} has the extension`);
  }
});

/** @type {[folder: string, place: Partial<Place>, key: string|null][]} */
const ARRIVALS = [
  ["", {}, "1"],
  ["a", { folder: "a" }, "1"],
  ["a", {}, "folder:a"],
  ["a/b/c", {}, "folder:a"],
  ["a/b/c", { folder: "a" }, "folder:a/b"],
  ["ab", { folder: "a" }, null],
  ["", { folder: "a" }, null],
  ["", { type: "text" }, "1"],
  ["", { type: "pdf" }, null],
  ["a", { type: "text" }, null],
  ["a/b", { q: "1.TXT" }, "1"],
  ["a/b", { q: "2" }, null],
  ["a/b", { q: "1", folder: "a" }, "1"],
  ["b", { q: "1", folder: "a" }, null],
  ["b", { q: "1", type: "pdf" }, null],
  ["", { view: "trash" }, null],
  ["", { view: "rejected" }, null],
];

test("a file that was just stored appears where the server will list it", () => {
  for (const [folder, place, key] of ARRIVALS) {
    const item = itemFor(makeListedFile("1", { folder }), { ...ROOT, ...place });
    equal(item?.key ?? null, key, `a file of “${folder}” at ${JSON.stringify(place)}`);
  }
});
