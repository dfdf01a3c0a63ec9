import { ConnectionLost, StorageError } from "../../../static/uploads/client/errors.js";
import { Pool } from "../../../static/uploads/client/net/pool.js";
import { delay, FakeConnection, never } from "./support.js";
import { equal, test } from "./testing.js";

test("a small file does not wait for the end of a large one", async () => {
  const pool = new Pool(2, new FakeConnection());
  /** @type {string[]} */
  const order = [];
  /** @param {string} name */
  const task = (name) => async () => {
    order.push(name);
    await delay(5);
  };
  const large = [1, 2, 3, 4, 5].map((part) => pool.run(1, task(`part ${part}`), never));
  const small = [2, 3].map((file) => pool.run(file, task(`file ${file}`), never));
  await Promise.all([...large, ...small]);
  equal(order, ["part 1", "part 2", "file 2", "part 3", "file 3", "part 4", "part 5"]);
});

test("the pool keeps its limit and its order", async () => {
  const pool = new Pool(3, new FakeConnection());
  let running = 0;
  let most = 0;
  /** @type {string[]} */
  const order = [];
  /** @param {string} name */
  const task = (name) => async () => {
    order.push(name);
    running += 1;
    most = Math.max(most, running);
    await delay(5);
    running -= 1;
  };
  const files = [9, 9, 9, 2, 1, 2];
  await Promise.all(files.map((file, index) => pool.run(file, task(`${file}.${index}`), never)));
  equal(most, 3);
  equal(order, ["9.0", "9.1", "9.2", "1.4", "2.3", "2.5"]);
});

test("the pool shrinks when requests fail and grows again", async () => {
  const pool = new Pool(6, new FakeConnection());
  /** @param {Error} error */
  const fail = (error) => pool.run(1, () => Promise.reject(error), never).catch(() => {});
  await fail(new StorageError(404, ""));
  equal(pool.limit, 6, "after a permanent error");
  await Promise.all([1, 2, 3, 4].map(() => fail(new ConnectionLost())));
  equal(pool.limit, 3, "after several failures at the same time");
  const now = performance.now();
  performance.now = () => now + 1100;
  await fail(new StorageError(503, ""));
  equal(pool.limit, 1, "after another failure");
  for (let request = 0; request < 30; request += 1) await pool.run(1, async () => {}, never);
  equal(pool.limit, 6, "after a series of successes");
});

test("the pool starts nothing while offline", async () => {
  const connection = new FakeConnection();
  const pool = new Pool(2, connection);
  /** @type {string[]} */
  const seen = [];
  connection.change(false);
  const done = pool.run(1, async () => seen.push("ran"), never);
  await delay(30);
  seen.push("still offline");
  connection.change(true);
  await done;
  equal(seen, ["still offline", "ran"]);
});

test("a task that waits in the pool can be aborted", async () => {
  const pool = new Pool(1, new FakeConnection());
  /** @type {string[]} */
  const seen = [];
  const stop = new AbortController();
  const first = pool.run(1, () => delay(20), never);
  const second = pool.run(1, async () => seen.push("ran"), stop.signal);
  stop.abort(new Error("stopped"));
  await second.catch((error) => seen.push(error.message));
  await first;
  await pool.run(1, async () => seen.push("third"), never);
  equal(seen, ["stopped", "third"]);
});
