import { until } from "../client/support.js";
import { equal, ok, test } from "../client/testing.js";
import { FOLDER, fault, lose, makeActions, makeServer, press, sentence } from "./action-harness.js";

/** @import { FakeServer } from "./fake-server.js" */

test("Undo restores exactly what was moved to the trash, with folders that were empty", async () => {
  const server = makeServer();
  server.store("old", { folder: "Photos", state: "trashed" });
  const { actions, items, listed } = await makeActions(server);
  await actions.trash(items(FOLDER, "a"));
  equal([server.ids("trashed"), [...server.folders]], ["a p q old", []]);
  press("[data-undo]");
  await until(() => sentence() === "Undone.");
  equal(
    [server.ids("trashed"), server.ids(), [...server.folders].sort()],
    ["old", "a b c p q", ["Photos", "Photos/2024", "Photos/Empty"]],
  );
  equal(server.files.get("q")?.folder, "Photos/2024");
  equal(listed(), `a b c ${FOLDER}`);
});

test("Undo moves everything back to where each was", async () => {
  const server = makeServer();
  server.folders.add("Archive");
  server.store("d", { folder: "Other" });
  const made = await makeActions(server, { q: "t" });
  const { actions, store, listed } = made;
  // A search lists files of several folders.
  const all = store.items.filter(({ key }) => ["a", "d", "p"].includes(key));
  equal(all.length, 3);
  await actions.moveTo(all, "Archive");
  equal(
    ["a", "d", "p"].map((id) => server.files.get(id)?.folder),
    ["Archive", "Archive", "Archive"],
  );
  ok(listed().includes("a"), "a search in all folders still lists them");
  press("[data-undo]");
  await until(() => sentence() === "Undone.");
  equal(
    ["a", "d", "p"].map((id) => server.files.get(id)?.folder),
    ["", "Other", "Photos"],
  );
});

/** What others do before Undo, and what it says. @type {[what: string, prepare: (server: FakeServer) => void, said: string, stored: string, calls: string][]} */
const UNDOS = [
  [
    "one is being purged",
    (server) => {
      /** @type {any} */ (server.files.get("a")).state = "purging";
    },
    "1 of 2 could not be restored: This file is already being deleted.",
    "b c p q",
    "a b",
  ],
  [
    "one was deleted permanently",
    (server) => server.files.delete("a"),
    "1 of 2 could not be restored: This file no longer exists.",
    "b c p q",
    "a b",
  ],
  [
    "another tab has restored both",
    (server) => {
      for (const id of ["a", "b"]) /** @type {any} */ (server.files.get(id)).state = "stored";
    },
    "Undone.",
    "a b c p q",
    "a b",
  ],
  [
    "the session has ended",
    fault("/files/restore", 401),
    "2 of 2 could not be restored: Your session has expired. Sign in again, then retry.",
    "c p q",
    "a b session ended",
  ],
  [
    "the connection is down",
    lose("/files/restore"),
    "2 of 2 could not be restored: The server cannot be reached. Check your connection and try again.",
    "c p q",
    "a b",
  ],
];

test("Undo says what could not be restored", async () => {
  for (const [what, prepare, said, stored, calls] of UNDOS) {
    const server = makeServer();
    const made = await makeActions(server);
    await made.actions.trash(made.items("a", "b"));
    prepare(server);
    press("[data-undo]");
    await until(() => sentence() === said);
    equal(server.ids(), stored, what);
    equal(made.calls.join(" "), calls, what);
  }
});

test("Undo is offered only if something can be undone", async () => {
  for (const prepare of [lose("/files/trash"), (/** @type {FakeServer} */ server) => server.files.delete("a")]) {
    const server = makeServer();
    const { actions, items } = await makeActions(server);
    prepare(server);
    await actions.trash(items("a"));
    equal(document.querySelector("#toast [data-undo]")?.hasAttribute("hidden"), true);
  }
});

test("while something else is done, Undo is not about what was done before", async () => {
  /** @type {((made: Awaited<ReturnType<typeof makeActions>>) => Promise<unknown>)[]} */
  const actions = [
    ({ actions, items }) => actions.moveTo(items("b"), "Photos"),
    ({ actions, items }) => actions.trash(items("b")),
    ({ actions, items }) => actions.rename(items("b")[0], "z.txt"),
    ({ actions }) => actions.createFolder("New"),
  ];
  for (const act of actions) {
    const server = makeServer();
    const made = await makeActions(server);
    await made.actions.trash(made.items("a"));
    const acting = act(made);
    press("[data-undo]");
    equal(sentence(), "");
    await acting;
    equal(server.files.get("a")?.state, "trashed");
  }
});
