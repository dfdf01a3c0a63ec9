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
