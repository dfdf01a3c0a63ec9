import { Confirmations } from "../../../static/uploads/client/confirmations.js";
import { equal, ok, test } from "./testing.js";

test("hints are few and only sent while nothing is confirmed", async () => {
  let now = 0;
  Date.now = () => now;
  /** @type {(() => void)[]} */
  const timers = [];
  /** @param {() => void} act */
  const setTimeoutLater = (act) => timers.push(act);
  globalThis.setTimeout = /** @type {any} a clock that only advances with tick() */ (setTimeoutLater);
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
  confirmations.remove("first");
  for (let round = 0; round < 4; round += 1) await tick();
  ok(hints > 0 && hints <= 10, `a few hints, not ${hints}`);
});
