import { ApiError } from "../../../static/uploads/client/errors.js";
import { Api } from "../../../static/uploads/client/net/api.js";
import { ChangesApi } from "../../../static/uploads/client/net/changes-api.js";
import { FakeServer } from "../page/fake-server.js";
import { hurry } from "./support.js";
import { equal, ok, test } from "./testing.js";

/** @typedef {import("../page/fake-server.js").Fault} Fault */
/** @typedef {import("../../../static/uploads/client/net/changes-api.js").Changes} Changes */

function start() {
  hurry();
  const server = new FakeServer();
  return { server, api: new ChangesApi(server.api) };
}

/** @param {Changes} changes */
function summary(changes) {
  return [...changes].map(([id, change]) => `${id}:${change instanceof ApiError ? change.code : change}`).join(" ");
}

test("more than a hundred files are changed in chunks, in order, and progress is reported", async () => {
  const { server, api } = start();
  const ids = Array.from({ length: 250 }, (_, index) => `id-${index}`);
  for (const id of ids) server.store(id);
  /** @type {number[]} */
  const progress = [];
  const changes = await api.trash(ids, (count) => progress.push(count));
  equal([...changes.keys()], ids);
  ok(
    [...changes.values()].every((change) => change === "trashed"),
    "all are in the trash",
  );
  equal(
    server.log.map(({ body }) => body.ids.length),
    [100, 100, 50],
  );
  equal(progress, [100, 200, 250]);
});

test("a change is sent even if the page is left at once", async () => {
  /** @type {Request[]} */
  const requests = [];
  globalThis.fetch = async (request) => {
    if (request instanceof Request) requests.push(request);
    return Response.json({ results: [{ id: "a", state: "trashed" }] });
  };
  await new ChangesApi(new Api("csrf-token")).trash(["a"]);
  equal(
    requests.map(({ url, keepalive }) => [new URL(url).pathname, keepalive]),
    [["/files/trash", true]],
  );
});

/**
 * What goes wrong, what becomes of two files, and how many requests were sent.
 * @type {[what: string, faults: Fault[], outcome: string, requests: number][]}
 */
const FAULTS = [
  ["nothing", [], "a:trashed b:trashed", 1],
  ["a request is lost", ["lost"], "a:trashed b:trashed", 2],
  ["a response is lost", ["late"], "a:trashed b:trashed", 2],
  ["both responses are lost", ["late", "late"], "a:trashed b:trashed", 3],
  ["the server is busy for a moment", [503, 503], "a:trashed b:trashed", 3],
  ["a proxy cannot reach the server", [502], "a:trashed b:trashed", 2],
  ["the connection is down", ["lost", "lost", "lost"], "a:network b:network", 3],
  ["the server is down", [503, 503, 503], "a:unavailable b:unavailable", 3],
  ["the session has ended", [401], "a:not_authenticated b:not_authenticated", 1],
  ["another session", [403], "a:csrf_failed b:csrf_failed", 1],
  ["a request that is refused is not repeated", [400], "a: b:", 1],
];

test("lost and refused requests are repeated if that may help, and reported if it does not", async () => {
  for (const [what, faults, outcome, requests] of FAULTS) {
    const { server, api } = start();
    for (const id of ["a", "b"]) server.store(id);
    server.faults = faults.map((fault) => ({ path: "/files/trash", fault }));
    equal(summary(await api.trash(["a", "b"])), outcome, what);
    equal(server.log.length, requests, what);
  }
});

test("after a chunk that failed the next ones are not sent, and those before count", async () => {
  const { server, api } = start();
  const ids = Array.from({ length: 250 }, (_, index) => `id-${index}`);
  for (const id of ids) server.store(id);
  server.before = ({ body }) => {
    if (body.ids[0] === "id-100") server.faults = [{ path: "/files/trash", fault: 401 }];
  };
  const changes = await api.trash(ids);
  const states = [...changes.values()].map((change) => (change instanceof ApiError ? change.code : change));
  equal(states.filter((state) => state === "trashed").length, 100);
  equal(states.filter((state) => state === "not_authenticated").length, 150);
  equal(server.log.length, 2);
});

test("a file that fails for a moment is tried again, alone", async () => {
  const { server, api } = start();
  for (const id of ["a", "b", "c"]) server.store(id);
  const { fetch } = globalThis;
  let isFirst = true;
  globalThis.fetch = async (request) => {
    const response = await fetch(request);
    if (!isFirst) return response;
    isFirst = false;
    const results = [
      { id: "a", state: "moved" },
      { id: "b", error: "x", code: "unavailable" },
      { id: "c", error: "x", code: "file_not_found" },
    ];
    return new Response(JSON.stringify({ results }));
  };
  equal(summary(await api.move(["a", "b", "c"], "Photos")), "a:moved b:moved c:file_not_found");
  equal(
    server.log.map(({ body }) => body.ids),
    [["a", "b", "c"], ["b"]],
  );
});

test("a folder that was moved or deleted by an attempt whose response was lost counts as that", async () => {
  const { server, api } = start();
  server.folders = new Set(["a", "b"]);
  server.faults = [{ path: "/folders", fault: "late" }];
  equal(await api.moveFolder("a", "c"), { folder: "c", state: "moved" });
  server.faults = [{ path: "/folders", fault: "late" }];
  await api.deleteFolder("b");
  equal([...server.folders], ["c"]);
});

test("a folder that never was there is not found", async () => {
  const { api } = start();
  for (const attempt of [api.moveFolder("a", "c"), api.deleteFolder("a")]) {
    const error = await attempt.then(() => null).catch((/** @type {ApiError} */ reason) => reason);
    equal(error?.code, "folder_not_found");
  }
});

test("emptying the trash is never repeated by itself", async () => {
  const { server, api } = start();
  server.store("a", { state: "trashed" });
  server.faults = [{ path: "/files/trash/empty", fault: "late" }];
  const error = await api
    .emptyTrash()
    .then(() => null)
    .catch((/** @type {ApiError} */ reason) => reason);
  equal([error?.code, server.log.length], ["network", 1]);
});
