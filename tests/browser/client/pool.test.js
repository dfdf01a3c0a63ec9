import { ConnectionLost, StorageError } from "../../../static/uploads/client/errors.js";
import { Pool } from "../../../static/uploads/client/net/pool.js";
import { delay, never } from "./support.js";
import { equal, test } from "./testing.js";

/** @import { Speed } from "../../../static/uploads/client/net/speed.js" */

const MIB = 1024 ** 2;
/** Small requests, unless a test is about large ones. */
const SIZE = 1_000;

/**
 * @param {number} max
 * @param {number|null} [speed] bytes per second
 */
function makePool(max, speed = null) {
  return new Pool(max, /** @type {Speed} only what it reads */ ({ bytesPerSecond: speed }));
}

/**
 * @param {number} file
 * @param {number} [size]
 * @param {AbortSignal} [signal]
 */
function task(file, size = SIZE, signal = never) {
  return { file, size, signal };
}

test("the pool keeps its limit and its order", async () => {
  const pool = makePool(3);
  let running = 0;
  let most = 0;
  /** @type {string[]} */
  const order = [];
  /** @param {string} name */
  const request = (name) => async () => {
    order.push(name);
    running += 1;
    most = Math.max(most, running);
    await delay(5);
    running -= 1;
  };
  const files = [9, 9, 9, 2, 1, 2];
  await Promise.all(files.map((file, index) => pool.run(task(file), request(`${file}.${index}`))));
  equal(most, 3);
  equal(order, ["9.0", "9.1", "9.2", "1.4", "2.3", "2.5"]);
});

/**
 * Which requests run at the same time.
 * @type {[what: string, options: {max?: number, failed?: number, speed: number|null}, sizes: number[], running: number[]][]}
 */
const LANES = [
  ["parts before the speed is known", { speed: null }, Array(6).fill(5 * MIB), [5, 5]],
  ["parts at 10 Mbit/s", { speed: 1.25e6 }, Array(6).fill(5 * MIB), [5, 5]],
  ["large parts at 10 Mbit/s, from a plan for more", { speed: 1.25e6 }, Array(6).fill(16 * MIB), [16, 16]],
  ["parts at 20 Mbit/s", { speed: 2.5e6 }, Array(6).fill(5 * MIB), [5, 5, 5, 5]],
  ["parts at 1 Gbit/s: one lane stays free", { speed: 1.25e8 }, Array(9).fill(16 * MIB), [16, 16, 16, 16, 16]],
  ["a photo behind parts", { speed: 1.25e8 }, [...Array(9).fill(16 * MIB), 0.04 * MIB], [16, 16, 16, 16, 16, 0.04]],
  [
    "photos behind parts at 10 Mbit/s",
    { speed: 1.25e6 },
    [16, 16, 16, 0.1, 0.2, 0.3].map((size) => size * MIB),
    [16, 16, 0.1, 0.2, 0.3],
  ],
  ["only small files", { speed: null }, Array(9).fill(0.5 * MIB), Array(6).fill(0.5)],
  ["files of some MiB at 10 Mbit/s", { speed: 1.25e6 }, Array(9).fill(4 * MIB), [4, 4]],
  ["files of some MiB at 100 Mbit/s", { speed: 1.25e7 }, Array(9).fill(4 * MIB), [4, 4, 4, 4, 4]],
  ["after failures", { speed: 1.25e8, failed: 1 }, [...Array(9).fill(16 * MIB), 1], [16, 16, 0]],
  ["after many failures a photo still has a lane", { speed: 1.25e8, failed: 3 }, [16 * MIB, 16 * MIB, 1, 1], [16, 0]],
  ["with two requests at most", { max: 2, speed: 1.25e8 }, [16 * MIB, 16 * MIB, 1], [16, 0]],
  ["with one request at most", { max: 1, speed: 1.25e8 }, [16 * MIB, 16 * MIB, 1], [16]],
];

test("large requests leave a lane to small ones, and are as many as suit the speed", async () => {
  for (const [what, { max = 6, failed = 0, speed }, sizes, expected] of LANES) {
    const pool = makePool(max, speed);
    const { now } = performance;
    for (let failure = 1; failure <= failed; failure += 1) {
      performance.now = () => failure * 2_000;
      await pool.run(task(0), () => Promise.reject(new ConnectionLost())).catch(() => {});
    }
    performance.now = now;
    /** @type {number[]} */
    const running = [];
    for (const [file, size] of sizes.entries()) {
      pool.run(task(file, size), () => {
        running.push(Math.round((size / MIB) * 100) / 100);
        return new Promise(() => {});
      });
    }
    equal(running, expected, what);
  }
});

test("a file with fewer requests goes first", async () => {
  const pool = makePool(3);
  /** @type {string[]} */
  const order = [];
  /** @param {string} name */
  const request = (name) => async () => {
    order.push(name);
    await delay(5);
  };
  const large = [1, 2, 3, 4].map((part) => pool.run(task(1, 5 * MIB), request(`part ${part}`)));
  const other = pool.run(task(2, 5 * MIB), request("other"));
  await Promise.all([...large, other]);
  equal(order, ["part 1", "part 2", "other", "part 3", "part 4"]);
});

test("the pool shrinks when requests fail and grows again", async () => {
  const pool = makePool(6);
  /** @param {Error} error */
  const fail = (error) => pool.run(task(1), () => Promise.reject(error)).catch(() => {});
  await fail(new StorageError(404, ""));
  equal(pool.limit, 6, "after a permanent error");
  await Promise.all([1, 2, 3, 4].map(() => fail(new ConnectionLost())));
  equal(pool.limit, 3, "after several failures at the same time");
  const now = performance.now();
  performance.now = () => now + 1100;
  await fail(new StorageError(503, ""));
  equal(pool.limit, 1, "after another failure");
  for (let request = 0; request < 30; request += 1) await pool.run(task(1), async () => {});
  equal(pool.limit, 6, "after a series of successes");
});

test("a task that waits in the pool can be aborted", async () => {
  const pool = makePool(1);
  /** @type {string[]} */
  const seen = [];
  const stop = new AbortController();
  const first = pool.run(task(1), () => delay(20));
  const second = pool.run(task(1, SIZE, stop.signal), async () => seen.push("ran"));
  stop.abort(new Error("stopped"));
  await second.catch((error) => seen.push(error.message));
  await first;
  await pool.run(task(1), async () => seen.push("third"));
  equal(seen, ["stopped", "third"]);
});
