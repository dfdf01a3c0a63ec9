import { until } from "../client/support.js";
import { equal, test } from "../client/testing.js";
import { FOLDER, lose, makeActions, makeServer, press, sentence } from "./action-harness.js";

test("what is not confirmed is not deleted", async () => {
  const server = makeServer();
  server.store("t", { state: "trashed" });
  const { actions, items, listed } = await makeActions(server, {}, { confirms: false });
  await actions.deletePermanently(items("a"));
  await actions.emptyTrash();
  equal([listed(), server.log.length, server.files.has("t")], [`a b c ${FOLDER}`, 0, true]);
});

test("without a trash, deleting is permanent, and asks", async () => {
  const server = makeServer();
  const refused = await makeActions(server, {}, { hasTrash: false, confirms: false });
  await refused.actions.trash(refused.items("a"));
  equal(server.files.has("a"), true);
  const { actions, items } = await makeActions(server, {}, { hasTrash: false });
  await actions.trash(items("a"));
  equal([server.files.has("a"), sentence()], [false, "“a.txt” was deleted permanently."]);
});

test("files in the trash are restored or deleted permanently, and a race with the purge ends in a sentence", async () => {
  const server = makeServer();
  for (const id of ["t", "u", "v"]) server.store(id, { state: "trashed" });
  const { actions, items, listed } = await makeActions(server, { view: "trash" });
  equal(listed(), "t u v");
  await actions.restore(items("t"));
  equal([listed(), sentence(), server.files.get("t")?.state], ["u v", "“t.txt” was restored.", "stored"]);
  /** @type {any} */ (server.files.get("u")).state = "purging";
  await actions.restore(items("u", "v"));
  equal(listed(), "");
  equal(sentence(), "“v.txt” was restored. 1 of 2 could not be restored: This file is already being deleted.");
});

test("the trash is emptied in as many requests as it takes", async () => {
  const server = makeServer();
  for (let index = 0; index < 5; index += 1) server.store(`t${index}`, { state: "trashed" });
  const { actions } = await makeActions(server, { view: "trash" });
  await actions.emptyTrash();
  equal([server.ids("trashed"), sentence()], ["", "The trash is empty. 5 files were deleted permanently."]);
  await actions.emptyTrash();
  equal(sentence(), "The trash is empty.");
  server.faults = [{ path: "/files/trash/empty", fault: "lost" }];
  await actions.emptyTrash();
  equal(
    sentence(),
    "The trash may not be empty yet. The server cannot be reached. Check your connection and try again.",
  );
});

test("more than a hundred files are trashed and brought back, and what is left is told", async () => {
  const server = makeServer();
  for (let index = 0; index < 250; index += 1) server.store(`x${index}`, { folder: "Many" });
  const made = await makeActions(server, { folder: "Many" });
  await made.store.loadMore();
  equal(made.store.items.length, 250);
  server.before = ({ body }) => {
    if (body?.ids?.[0] === "x200") server.faults = [{ path: "/files/trash", fault: 401 }];
  };
  await made.actions.trash([...made.store.items]);
  equal(
    sentence(),
    "200 items were moved to the trash. 50 of 250 could not be moved to the trash: Your session has expired. Sign in again, then retry.",
  );
  equal(made.store.items.length, 50);
  press("[data-undo]");
  await until(() => sentence() === "Undone.");
  equal(server.ids("trashed"), "");
});

test("an action whose list was left changes nothing in the new one", async () => {
  const server = makeServer();
  const { actions, items, store, listed } = await makeActions(server);
  lose("/files/trash")(server);
  const trashing = actions.trash(items("a"));
  await store.go({ ...store.place, folder: "Photos/2024" });
  await trashing;
  equal(listed(), "q");
});
