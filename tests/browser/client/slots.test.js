import { Slots } from "../../../static/uploads/client/slots.js";
import { equal, test } from "./testing.js";

const LARGE = false;
const SMALL = true;

/**
 * @param {Slots} slots
 * @param {boolean} isSmall
 * @returns {ReturnType<Slots["take"]>[]} all that are free
 */
function takeAll(slots, isSmall) {
  const taken = [];
  while (!slots.areFull(isSmall)) taken.push(slots.take(isSmall));
  return taken;
}

test("slots are full when all are taken", () => {
  const slots = new Slots(2, () => 4);
  const [first] = takeAll(slots, LARGE);
  equal([slots.taken, slots.areFull(LARGE)], [2, true]);
  first.free();
  equal(slots.areFull(LARGE), false);
});

test("small files have slots of their own", () => {
  const slots = new Slots(2, () => 4);
  takeAll(slots, LARGE);
  equal(takeAll(slots, SMALL).length, 4);
  equal([slots.areFull(LARGE), slots.areFull(SMALL)], [true, true]);
});

test("small files start several at a time, when half of them have ended", () => {
  const slots = new Slots(2, () => 8);
  const taken = takeAll(slots, SMALL);
  const started = [];
  for (const slot of taken) {
    slot.free();
    started.push(takeAll(slots, SMALL).length);
  }
  equal(started, [0, 0, 0, 4, 0, 0, 0, 4]);
});

test("more small files start when more of them may", () => {
  let max = 4;
  const slots = new Slots(2, () => max);
  const [first, second] = takeAll(slots, SMALL);
  max = 20;
  first.free();
  second.free();
  equal(takeAll(slots, SMALL).length, 18);
});

test("a slot is counted once, whatever is called twice or out of order", () => {
  for (const isSmall of [LARGE, SMALL]) {
    const slots = new Slots(5, () => 5);
    const slot = slots.take(isSmall);
    slot.reclaim();
    equal(slots.taken, 1, "reclaimed without having been yielded");
    slot.yield();
    slot.yield();
    equal(slots.taken, 0, "yielded twice");
    slot.reclaim();
    slot.reclaim();
    equal(slots.taken, 1, "reclaimed twice");
    slot.free();
    slot.free();
    equal(slots.taken, 0, "freed twice");
    slot.yield();
    slot.reclaim();
    equal(slots.taken, 0, "yielded and reclaimed after it was freed");
  }
});

test("a slot that is freed while it is yielded is not counted twice", () => {
  const slots = new Slots(5, () => 5);
  const slot = slots.take(LARGE);
  slot.yield();
  slot.free();
  slot.reclaim();
  equal(slots.taken, 0);
});
