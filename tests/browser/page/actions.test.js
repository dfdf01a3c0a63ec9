import { equal, test } from "../client/testing.js";
import { FOLDER, fault, lose, makeActions, makeServer, sentence } from "./action-harness.js";

/** @import { FakeServer } from "./fake-server.js" */
/** @typedef {Awaited<ReturnType<typeof makeActions>>} Made */

/**
 * What others do or what goes wrong, what is done with which items, and the outcome: the list, the sentence, what the
 * server has, and what the page is told.
 * @type {[what: string, prepare: (server: FakeServer) => void, act: (made: Made) => Promise<unknown>, listed: string, said: string, calls: string][]}
 */
const CASES = [
  [
    "a file is trashed",
    () => {},
    ({ actions, items }) => actions.trash(items("a")),
    `b c ${FOLDER}`,
    "“a.txt” was moved to the trash.",
    "a",
  ],
  [
    "several are",
    () => {},
    ({ actions, items }) => actions.trash(items("a", "b")),
    `c ${FOLDER}`,
    "2 items were moved to the trash.",
    "a b",
  ],
  [
    "a folder is",
    () => {},
    ({ actions, items }) => actions.trash(items(FOLDER)),
    "a b c",
    "“Photos” was deleted, and its 2 files were moved to the trash.",
    "p q",
  ],
  [
    "a folder and a file are",
    () => {},
    ({ actions, items }) => actions.trash(items(FOLDER, "a")),
    "b c",
    "2 items were moved to the trash.",
    "a p q",
  ],
  ["nothing is", () => {}, ({ actions }) => actions.trash([]), `a b c ${FOLDER}`, "", ""],
  [
    "a file that another tab has deleted",
    (server) => server.files.delete("a"),
    ({ actions, items }) => actions.trash(items("a")),
    `b c ${FOLDER}`,
    "“a.txt” could not be moved to the trash. This file no longer exists.",
    "",
  ],
  [
    "one of two that another tab has deleted",
    (server) => server.files.delete("a"),
    ({ actions, items }) => actions.trash(items("a", "b")),
    `c ${FOLDER}`,
    "“b.txt” was moved to the trash. 1 of 2 could not be moved to the trash: This file no longer exists.",
    "b",
  ],
  [
    "the connection is down",
    lose("/files/trash"),
    ({ actions, items }) => actions.trash(items("a", "b")),
    `a b c ${FOLDER}`,
    "2 of 2 could not be moved to the trash: The server cannot be reached. Check your connection and try again.",
    "",
  ],
  [
    "the session has ended",
    fault("/files/trash", 401),
    ({ actions, items }) => actions.trash(items("a")),
    `a b c ${FOLDER}`,
    "“a.txt” could not be moved to the trash. Your session has expired. Sign in again, then retry.",
    "session ended",
  ],
  [
    "a folder that another tab has deleted",
    (server) => {
      server.folders = new Set();
    },
    ({ actions, items }) => actions.trash(items(FOLDER)),
    "a b c",
    "“Photos” could not be moved to the trash. This folder no longer exists. It was deleted, renamed or moved in the meantime.",
    "",
  ],
  [
    "a folder into which files keep coming",
    keepAdding,
    ({ actions, items }) => actions.trash(items(FOLDER)),
    `a b c ${FOLDER}`,
    "“Photos” could not be moved to the trash. Something was added to this folder in the meantime. Try again.",
    "n1 n2 n3 n4 n5 p q",
  ],
  [
    "a folder of which a file cannot be trashed",
    lose("/files/trash"),
    ({ actions, items }) => actions.trash(items(FOLDER)),
    `a b c ${FOLDER}`,
    "“Photos” could not be moved to the trash. The server cannot be reached. Check your connection and try again.",
    "",
  ],

  [
    "a file is moved",
    () => {},
    ({ actions, items }) => actions.moveTo(items("a"), "Photos"),
    `b c ${FOLDER}`,
    "“a.txt” was moved to “Photos”.",
    "",
  ],
  [
    "several are, to a new folder",
    () => {},
    ({ actions, items }) => actions.moveTo(items("a", "b"), "New/2025"),
    `c ${FOLDER}`,
    "2 items were moved to “2025”.",
    "",
  ],
  [
    "a folder is",
    (server) => server.folders.add("Archive"),
    ({ actions, items }) => actions.moveTo(items(FOLDER), "Archive"),
    "a b c folder:Archive",
    "“Photos” was moved to “Archive”.",
    "",
  ],
  [
    "to where they are",
    () => {},
    ({ actions, items }) => actions.moveTo(items("a", FOLDER), ""),
    `a b c ${FOLDER}`,
    "This is already there.",
    "",
  ],
  [
    "a folder into itself",
    () => {},
    ({ actions, items }) => actions.moveTo(items(FOLDER), "Photos/2024"),
    `a b c ${FOLDER}`,
    "“Photos” could not be moved. A folder cannot be moved into itself.",
    "",
  ],
  [
    "a folder to where one has its name",
    (server) => {
      server.folders.add("Archive");
      server.folders.add("Archive/Photos");
    },
    ({ actions, items }) => actions.moveTo(items(FOLDER), "Archive"),
    `a b c folder:Archive ${FOLDER}`,
    "“Photos” could not be moved. There is already a folder with this name. Rename one of the two first.",
    "",
  ],
  [
    "one of two moved files is gone",
    (server) => server.files.delete("a"),
    ({ actions, items }) => actions.moveTo(items("a", "b"), "Photos"),
    `c ${FOLDER}`,
    "“b.txt” was moved to “Photos”. 1 of 2 could not be moved: This file no longer exists.",
    "",
  ],

  [
    "a file is deleted permanently",
    () => {},
    ({ actions, items }) => actions.deletePermanently(items("a")),
    `b c ${FOLDER}`,
    "“a.txt” was deleted permanently.",
    "a",
  ],
  [
    "a folder is",
    () => {},
    ({ actions, items }) => actions.deletePermanently(items(FOLDER)),
    "a b c",
    "“Photos” was deleted permanently.",
    "p q",
  ],
  [
    "a response is lost",
    fault("/files/trash", "late"),
    ({ actions, items }) => actions.trash(items("a")),
    `b c ${FOLDER}`,
    "“a.txt” was moved to the trash.",
    "a",
  ],
];

/** @param {FakeServer} server */
function keepAdding(server) {
  let count = 0;
  server.before = ({ method, path }) => {
    // Deleting begins with the innermost folder.
    if (method === "DELETE" && path.endsWith("Empty")) server.store(`n${++count}`, { folder: "Photos/Empty" });
  };
}

test("actions change the list and say what happened, whatever others do meanwhile", async () => {
  for (const [what, prepare, act, listed, said, calls] of CASES) {
    const server = makeServer();
    /** @type {Made} */
    let made;
    if (what.includes("is, to")) made = await makeActions(server);
    else if (what.includes("Archive") || listed.includes("Archive")) {
      prepare(server);
      made = await makeActions(server);
    } else {
      made = await makeActions(server);
      prepare(server);
    }
    await act(made);
    equal(made.listed(), listed, `list: ${what}`);
    equal(sentence(), said, what);
    equal(made.calls.sort().join(" "), calls, `calls: ${what}`);
    equal(made.actions.busy, false, what);
  }
});
