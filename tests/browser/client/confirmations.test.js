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
  for (let round = 0; round < 6; round += 1) {
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

/** A clock and timers that stand still until `tick`. */
function stopTime() {
  let now = 0;
  performance.now = () => now;
  /** @type {{act: () => void, due: number}[]} */
  let timers = [];
  /** @type {(act: () => void, wait: number) => number} */
  const later = (act, wait) => timers.push({ act, due: now + wait });
  globalThis.setTimeout = /** @type {any} the types of browsers and of node differ */ (later);
  globalThis.clearTimeout = () => {
    timers = [];
  };
  return {
    /** Runs the next timer and returns the time. */
    tick: async () => {
      const [{ act, due }] = timers.splice(0);
      now = due;
      act();
      for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
      return now;
    },
  };
}

test("a few ids are polled soon, and then less and less often", async () => {
  const { tick } = stopTime();
  const confirmations = new Confirmations({ ask: async () => [], settle: () => false });
  confirmations.add("id");
  /** @type {number[]} */
  const times = [];
  for (let poll = 0; poll < 12; poll += 1) times.push(await tick());
  const pauses = times.map((time, index) => Math.round(time - (times[index - 1] ?? 0)));
  ok(pauses[0] <= 200, "the first poll comes soon");
  for (const [index, pause] of pauses.entries()) ok(pause >= (pauses[index - 1] ?? 0), "pauses never become shorter");
  equal(pauses.at(-1), 3_000);
});

/**
 * How many ids wait, which of them the server knows to be stored, and the calls of eight polls.
 * @type {[what: string, count: number, isStored: (index: number, poll: number) => boolean, calls: number[]][]}
 */
const QUEUES = [
  ["few, nothing stored", 80, () => false, [1, 1, 1, 1, 1, 1, 1, 1]],
  ["many, nothing stored", 950, () => false, [1, 10, 1, 10, 1, 10]],
  ["many, all stored", 950, () => true, [10]],
  ["many, stored in order", 400, (index, poll) => index < poll * 150, [3, 3, 1]],
  ["many, of which the first never are", 300, (index) => index >= 100, [1, 3, 1, 1]],
];

test("later ids are asked about when earlier ones are settled, and in every second poll", async () => {
  const { tick } = stopTime();
  for (const [what, count, isStored, expected] of QUEUES) {
    let poll = 0;
    let calls = 0;
    const confirmations = new Confirmations({
      ask: async (ids) => {
        calls += 1;
        return ids.map((id) => ({ id, state: isStored(Number(id), poll) ? "stored" : "pending" }));
      },
      settle: (_id, status) => status?.state === "stored",
    });
    for (let index = 0; index < count; index += 1) confirmations.add(String(index));
    const counts = [];
    for (poll = 1; poll <= expected.length; poll += 1) {
      calls = 0;
      await tick();
      counts.push(calls);
    }
    equal(counts, expected, what);
  }
});
