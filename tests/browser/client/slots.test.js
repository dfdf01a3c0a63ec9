import { Slots } from "../../../static/uploads/client/slots.js";
import { equal, ok, test } from "./testing.js";

test("slots are full when all are taken", () => {
  const slots = new Slots(2);
  const first = slots.take();
  equal(slots.areFull(false), false);
  slots.take();
  equal(slots.areFull(false), true);
  first.free();
  equal(slots.areFull(false), false);
});

test("some slots are left to small files", () => {
  const slots = new Slots(2);
  const taken = [slots.take(), slots.take()];
  equal([slots.areFull(false), slots.areFull(true)], [true, false]);
  while (!slots.areFull(true)) taken.push(slots.take());
  ok(taken.length > 2, "a small file has a slot");
  equal(slots.areFull(false), true);
});

test("a slot is counted once, whatever is called twice or out of order", () => {
  const slots = new Slots(5);
  const slot = slots.take();
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
});

test("a slot that is freed while it is yielded is not counted twice", () => {
  const slots = new Slots(5);
  const slot = slots.take();
  slot.yield();
  slot.free();
  slot.reclaim();
  equal(slots.taken, 0);
});
