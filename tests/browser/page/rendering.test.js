import { Drawing } from "../../../static/uploads/page/ui/rendering.js";
import { delay, until } from "../client/support.js";
import { equal, ok, test } from "../client/testing.js";

/** @param {number} pause */
function recorded(pause = 0) {
  /** @type {number[]} */
  const times = [];
  return {
    times,
    drawing: new Drawing(
      (now) => times.push(now),
      () => pause,
    ),
  };
}

test("all changes of a frame are drawn once", async () => {
  const { times, drawing } = recorded();
  for (let change = 0; change < 10; change += 1) drawing.soon();
  await until(() => times.length > 0);
  await delay(50);
  equal(times.length, 1);
  drawing.soon();
  await until(() => times.length === 2);
});

test("the first change is drawn at once, and those after it when the pause is over", async () => {
  const { times, drawing } = recorded(200);
  const start = performance.now();
  while (performance.now() - start < 700) {
    drawing.soon();
    await delay(5);
  }
  ok(times.length >= 2, "it is drawn again");
  for (const [index, time] of times.entries()) ok(index === 0 || time - times[index - 1] >= 199, "drawn too soon");
});

test("what the user does is drawn without the pause", async () => {
  const { times, drawing } = recorded(60_000);
  drawing.soon();
  await until(() => times.length === 1);
  drawing.soon();
  await delay(50);
  equal(times.length, 1);
  drawing.atOnce();
  drawing.atOnce();
  await until(() => times.length === 2);
  await delay(50);
  equal(times.length, 2);
});

test("a hidden page, which gets no frames, is drawn too", async () => {
  globalThis.requestAnimationFrame = () => 1;
  const { times, drawing } = recorded();
  drawing.soon();
  await until(() => times.length === 1);
});
