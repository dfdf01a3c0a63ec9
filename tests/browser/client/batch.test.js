import { Batch } from "../../../static/uploads/client/net/batch.js";
import { equal, test } from "./testing.js";

test("items submitted at the same time are one call", async () => {
  /** @type {number[][]} */
  const calls = [];
  /** @type {Batch<number, number>} */
  const batch = new Batch(async (items) => {
    calls.push(items);
    return items.map((item) => item * 2);
  }, 3);
  const results = await Promise.all([1, 2, 3, 4].map((item) => batch.submit(item)));
  results.push(await batch.submit(5));
  equal(calls, [[1, 2, 3], [4], [5]]);
  equal(results, [2, 4, 6, 8, 10]);
});

/** @returns {{batch: Batch<number, number>, calls: number[][]}} */
function recorded() {
  /** @type {number[][]} */
  const calls = [];
  const call = /** @param {number[]} items */ async (items) => {
    calls.push(items);
    return items;
  };
  return { batch: new Batch(call, 10), calls };
}

test("items may wait for others, but not longer than the one that cannot wait", async () => {
  const { batch, calls } = recorded();
  await Promise.all([batch.submit(1, { delay: 60_000 }), batch.submit(2, { delay: 50_000 }), batch.submit(3)]);
  equal(calls, [[1, 2, 3]]);
});

test("what waits is called at once if that is asked for, and only once", async () => {
  const { batch, calls } = recorded();
  const first = batch.submit(1, { delay: 60_000 });
  batch.flush();
  equal(await first, 1);
  batch.flush();
  equal(await batch.submit(2), 2);
  equal(calls, [[1], [2]]);
});
