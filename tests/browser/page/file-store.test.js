import { ApiError } from "../../../static/uploads/client/errors.js";
import { ROOT } from "../../../static/uploads/page/files/place.js";
import { FileStore } from "../../../static/uploads/page/files/store.js";
import { recordUncaught, until } from "../client/support.js";
import { equal, ok, test } from "../client/testing.js";
import { makeItem, makePage } from "./items.js";

/** @typedef {import("../../../static/uploads/page/files/types.js").ListPage} ListPage */

/** Ids of files, newest first; each page of the fake server has three of them. */
const IDS = Array.from({ length: 12 }, (_, index) => `id-${String(99 - index)}`);

/** A server whose answers tests hold back, or replace by an error. */
class FakeFiles {
  /** @type {{query: any, cursor: string|null, signal?: AbortSignal}[]} */
  requests = [];
  ids = IDS;
  pageSize = 3;
  /** @type {Error|null} */
  error = null;
  /** @type {Promise<unknown>} */
  gate = Promise.resolve();

  /**
   * @param {any} query
   * @param {{cursor: string|null, limit: number, signal?: AbortSignal}} page
   * @returns {Promise<ListPage>}
   */
  async list(query, { cursor, signal }) {
    this.requests.push({ query, cursor, signal });
    await this.gate;
    signal?.throwIfAborted();
    if (this.error) throw this.error;
    const start = cursor === null ? 0 : this.ids.findIndex((id) => id < cursor);
    const ids = start === -1 ? [] : this.ids.slice(start, start + this.pageSize);
    const isLast = start === -1 || start + this.pageSize >= this.ids.length;
    return makePage(ids, { next_cursor: isLast ? null : ids[ids.length - 1] });
  }
}

/** @param {Partial<import("../../../static/uploads/page/files/types.js").Place>} [place] */
function makeStore(place = {}) {
  const files = new FakeFiles();
  const store = new FileStore(/** @type {any} */ (files), { ...ROOT, ...place });
  return { files, store };
}

/** @param {FileStore} store */
function keys(store) {
  return store.items.map(({ key }) => key);
}

test("the first page comes with the document, so that nothing is fetched twice", async () => {
  const files = new FakeFiles();
  const store = new FileStore(/** @type {any} */ (files), ROOT, makePage(IDS.slice(0, 3)));
  equal([store.state, keys(store)], ["ready", IDS.slice(0, 3)]);
  store.show(0, 3);
  await null;
  equal(files.requests, []);
});

test("pages are read as they are needed, each by one request", async () => {
  const { files, store } = makeStore();
  files.pageSize = 150;
  files.ids = Array.from({ length: 500 }, (_, index) => `id-${String(1000 - index).padStart(4, "0")}`);
  await store.retry();
  equal([keys(store).length, files.requests.length], [150, 1]);
  store.show(0, 30);
  await store.retry();
  equal(files.requests.length, 1);
  store.show(60, 90);
  await store.retry();
  equal([keys(store).length, files.requests.length], [300, 2]);
  store.show(210, 240);
  await store.retry();
  store.show(400, 420);
  await store.retry();
  equal([keys(store), store.hasMore, files.requests.length], [files.ids, false, 4]);
});

test("another place cancels what is being read, and its answer is never shown", async () => {
  const { files, store } = makeStore({ q: "a" });
  let open = () => {};
  files.gate = new Promise((resolve) => {
    open = () => resolve(null);
  });
  store.retry();
  await until(() => files.requests.length === 1);
  files.gate = Promise.resolve();
  files.ids = ["b"];
  const going = store.go({ ...ROOT, q: "b" }, { push: false });
  ok(files.requests[0].signal?.aborted, "the first request is cancelled");
  open();
  await going;
  equal([keys(store), store.state], [["b"], "ready"]);
  equal(
    files.requests.map(({ query }) => query.q),
    ["a", "b"],
  );
});

test("a live change is read again where one looks, and the rest when one gets there", async () => {
  const { files, store } = makeStore();
  files.pageSize = 200;
  files.ids = Array.from({ length: 600 }, (_, index) => `id-${String(1000 - index).padStart(4, "0")}`);
  for (let count = 0; count < 3; count += 1) await store.loadMore();
  equal(keys(store).length, 600);
  files.requests.length = 0;
  const removed = files.ids[250];
  files.ids = files.ids.filter((id) => id !== removed);
  store.show(0, 30);
  await store.reload();
  equal(files.requests.length, 1);
  ok(keys(store).includes(removed), "what nobody sees is read later");
  store.show(240, 270);
  await store.retry();
  ok(!keys(store).includes(removed), "it is gone as soon as one could see it");
});

test("a failure keeps what was read, and says why until another attempt succeeds", async () => {
  const { files, store } = makeStore();
  await store.retry();
  files.error = new ApiError(503, "unavailable", "");
  await store.reload();
  equal([store.state, store.problem?.code, keys(store)], ["ready", "unavailable", IDS]);
  const { length } = files.requests;
  store.show(0, 3);
  await null;
  equal(files.requests.length, length, "requests while nobody has asked for another attempt");
  files.error = null;
  await store.retry();
  equal([store.state, store.problem], ["ready", null]);
});

test("a place that cannot be read at all has failed", async () => {
  const { files, store } = makeStore({ folder: "Nowhere" });
  files.error = new ApiError(404, "folder_not_found", "");
  await store.retry();
  equal([store.state, store.problem?.code, keys(store)], ["failed", "folder_not_found", []]);
  files.error = null;
  await store.go({ ...ROOT, folder: "Nowhere" });
  equal(store.state, "ready", "after another attempt");
});

test("a bug is reported once, and does not stop the list for good", async () => {
  const uncaught = recordUncaught();
  const { files, store } = makeStore();
  // The list draws itself after each change of the state, and asks for what it shows.
  store.addEventListener("state", () => store.show(0, 3));
  files.error = new TypeError("a bug");
  store.retry();
  await until(() => uncaught.length > 0);
  await until(() => !store.isReading);
  equal([uncaught, files.requests.length], [["a bug"], 1]);
  equal([store.state, store.problem?.code], ["failed", ""]);
  files.error = null;
  await store.retry();
  equal(keys(store), IDS);
});

test("a search that finds little stops by itself, and goes on when asked", async () => {
  const { files, store } = makeStore({ q: "rare" });
  files.pageSize = 1;
  await store.retry();
  equal([files.requests.length, store.isPaused], [5, true]);
  store.show(0, 5);
  await null;
  equal(files.requests.length, 5);
  await store.loadMore();
  equal([files.requests.length, store.isPaused], [10, true]);
});

test("changes of this page are shown at once, and belong to their place", async () => {
  const { store } = makeStore();
  await store.retry();
  let changes = 0;
  store.addEventListener("change", () => {
    changes += 1;
  });
  store.remove([IDS[1]]);
  store.add([makeItem("id-995")]);
  equal([changes, keys(store).slice(0, 3)], [2, ["id-995", IDS[0], IDS[2]]]);
  await store.go({ ...ROOT, sort: "date" });
  equal(keys(store).includes("id-995"), false, "in another place");
});

test("a new place tells how its address enters the history", async () => {
  const { store } = makeStore();
  /** @type {unknown[]} */
  const pushes = [];
  store.addEventListener("place", (event) => pushes.push(/** @type {CustomEvent} */ (event).detail.push));
  await store.go({ ...ROOT, folder: "a" });
  await store.go({ ...ROOT, folder: "a", sort: "name" }, { push: false });
  await store.go({ ...ROOT, folder: "a", sort: "name" });
  await store.go(ROOT, { push: null });
  equal(pushes, [true, false, null]);
});
