import { Confirmations } from "../../../static/uploads/client/confirmations.js";
import { ApiError } from "../../../static/uploads/client/errors.js";
import { hurry, recordUncaught, until } from "./support.js";
import { equal, ok, test } from "./testing.js";

/** @import { UploadStatus } from "../../../static/uploads/client/net/api.js" */

test("hints are few, and are sent only while nothing settles", async () => {
  let now = 0;
  performance.now = () => now;
  /** @type {(() => void)[]} */
  const timers = [];
  /** @param {() => void} act */
  const setTimeoutLater = (act) => timers.push(act);
  globalThis.setTimeout = /** @type {any} time stands still until tick() */ (setTimeoutLater);
  const tick = async () => {
    now += 3000;
    timers.splice(0).at(-1)?.();
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  };

  let hints = 0;
  let settling = true;
  const confirmations = new Confirmations({
    ask: async (ids) => ids.map((id) => ({ id, state: "pending" })),
    settle: (id) => settling && id === "first",
    hint: async () => {
      hints += 1;
    },
  });
  for (let number = 0; number < 100; number += 1) confirmations.add(`id ${number}`);
  for (let round = 0; round < 5; round += 1) {
    confirmations.add("first");
    await tick();
  }
  equal(hints, 0, "hints while something settles");
  settling = false;

  for (let round = 0; round < 4; round += 1) await tick();
  ok(hints > 0 && hints <= 10, `a few hints, not ${hints}`);
});

/**
 * Polls one id. The first request fails.
 * @param {Error} error
 * @returns {Promise<string[]>} uncaught errors
 */
async function confirmAfter(error) {
  hurry();
  const uncaught = recordUncaught();
  let settled = false;
  let failed = false;
  const confirmations = new Confirmations({
    ask: async (ids) => {
      if (!failed) {
        failed = true;
        throw error;
      }
      return ids.map((id) => ({ id, state: "stored" }));
    },
    settle: () => {
      settled = true;
      return true;
    },
  });
  confirmations.add("id");
  await until(() => settled);
  return uncaught;
}

test("a server that cannot be reached is polled again", async () => {
  equal(await confirmAfter(new ApiError(0, "network", "")), []);
});

test("an unexpected error while polling is reported, and the server is polled again", async () => {
  equal(await confirmAfter(new TypeError("a bug")), ["a bug"]);
});

test("an unexpected error in a hint is reported, but a failed hint is not", async () => {
  hurry();
  const uncaught = recordUncaught();
  const errors = [new ApiError(503, "unavailable", ""), new TypeError("a bug")];
  const now = performance.now.bind(performance);
  let late = 0;
  performance.now = () => now() + late;
  /** @type {UploadStatus["state"]} */
  let state = "pending";
  const confirmations = new Confirmations({
    ask: async (ids) => ids.map((id) => ({ id, state })),
    settle: (_id, status) => status?.state === "stored",
    hint: () => Promise.reject(errors.shift()),
  });
  confirmations.add("one");
  confirmations.add("two");
  late = 10_000;
  await until(() => uncaught.length > 0);
  state = "stored";
  equal(uncaught, ["a bug"]);
  equal(errors.length, 0, "hints that were not sent");
});
