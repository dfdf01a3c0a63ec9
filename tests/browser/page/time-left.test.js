import { Rate } from "../../../static/uploads/client/progress/rate.js";
import { TimeLeft } from "../../../static/uploads/page/uploads/time-left.js";
import { equal, ok, test } from "../client/testing.js";

const MB = 1e6;

/** A repeatable sequence of numbers from 0 to 1. */
function noise() {
  let state = 1;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}

/** @typedef {(seconds: number) => number} Speed bytes per second at a time since the start */

/**
 * What uploads look like: the bytes to send, and the speed over time.
 * @type {Record<string, {bytes: number, speed: Speed, changesAt?: number[]}>}
 */
const SERIES = {
  steady: { bytes: 600 * MB, speed: () => 5 * MB },
  "steady and slow": { bytes: 20 * MB, speed: () => 0.05 * MB },
  "steady for hours": { bytes: 30_000 * MB, speed: () => 3 * MB },
  "a burst of a second every 10 s": { bytes: 600 * MB, speed: (t) => (t % 10 < 1 ? 20 * MB : 0) },
  "bursts of 3 s every 10 s": { bytes: 600 * MB, speed: (t) => (t % 10 < 3 ? 7 * MB : 0) },
  "bursts of 5 s every 10 s": { bytes: 900 * MB, speed: (t) => (t % 10 < 5 ? 8 * MB : 0.1 * MB) },
  "lanes that come and go": { bytes: 1200 * MB, speed: (t) => [6, 3, 5, 2, 6, 4][Math.floor(t / 7) % 6] * MB },
  "a slow start of 3 s": { bytes: 1200 * MB, speed: (t) => (t < 3 ? 0.1 : 10) * MB },
  "a slow start of 8 s": { bytes: 1200 * MB, speed: (t) => (t < 8 ? 0.1 : 10) * MB },
  "a slow start of 20 s": { bytes: 2400 * MB, speed: (t) => (t < 20 ? 0.1 : 10) * MB, changesAt: [20] },
  "a fast start into the buffers": { bytes: 600 * MB, speed: (t) => (t < 1 ? 60 : 5) * MB },
  "five times faster": { bytes: 1200 * MB, speed: (t) => (t < 30 ? 2 : 10) * MB, changesAt: [30] },
  "three times slower": { bytes: 1200 * MB, speed: (t) => (t < 60 ? 10 : 3) * MB, changesAt: [60] },
  "a stall, and its end": { bytes: 600 * MB, speed: (t) => (t > 40 && t < 75 ? 0 : 5 * MB), changesAt: [40, 75] },
  "many small files": { bytes: 200 * MB, speed: (t) => (Math.floor(t * 4) % 3 === 0 ? 3 * MB : 0.3 * MB) },
  noise: {
    bytes: 600 * MB,
    speed: (
      (random) => () =>
        10 * MB * random()
    )(noise()),
  },
};

/** How often progress is reported, and how often text is drawn. In seconds, as on the page. */
const REPORT = 0.1;
const DRAW = 0.5;

/**
 * What the page displays during an upload, with how much time was really left.
 * @param {{bytes: number, speed: Speed}} series
 * @returns {{time: number, shown: number|null, left: number}[]} one for each drawing; all in seconds
 */
function replay({ bytes, speed }) {
  const sent = [0];
  while (sent[sent.length - 1] < bytes) {
    sent.push(Math.min(bytes, sent[sent.length - 1] + speed(sent.length * REPORT) * REPORT));
  }
  const [rate, timeLeft] = [new Rate(), new TimeLeft()];
  rate.update(0, 0);
  const drawings = [];
  for (let index = 1; index < sent.length; index += 1) {
    const time = index * REPORT;
    if (sent[index] > sent[index - 1]) rate.update(sent[index], time * 1000);
    if (index % (DRAW / REPORT) !== 0) continue;
    const shown = timeLeft.steady(rate.secondsLeft(bytes - sent[index], time * 1000), time * 1000);
    drawings.push({ time, shown, left: (sent.length - 1 - index) * REPORT });
  }
  return drawings;
}

test("the time left does not jump", () => {
  for (const [name, series] of Object.entries(SERIES)) {
    /** @type {number|null} */
    let before = null;
    let rises = 0;
    for (const { time, shown } of replay(series)) {
      if (before !== null && shown !== null && before !== shown) {
        const change = `${name}: ${before} s, then ${shown} s, at ${time} s`;
        // Near the end a step is a large part of the rest.
        ok(Math.max(before, shown) <= 2.1 * Math.min(before, shown) || Math.max(before, shown) <= 15, change);
        if (shown > before) rises += 1;
      }
      before = shown;
    }
    const mayRise = name === "three times slower" || name === "a fast start into the buffers";
    ok(rises <= (mayRise ? 10 : 1), `${name}: more time left ${rises} times`);
  }
});

test("the time left approaches the truth", () => {
  for (const [name, series] of Object.entries(SERIES)) {
    const changes = series.changesAt ?? [0];
    for (const { time, shown, left } of replay(series)) {
      const sinceChange = time - Math.max(...changes.filter((change) => change <= time), 0);
      // What nobody can know before the speed has changed.
      if (changes.some((change) => change > time) || sinceChange < 45) continue;
      if (name === "a stall, and its end" && sinceChange < 60) continue;
      ok(shown !== null, `${name}: there is an estimate at ${time} s`);
      const error = Math.abs((shown ?? 0) - left);
      ok(error <= 0.35 * left + 15, `${name}: ${shown} s at ${time} s, when ${left} s are left`);
    }
  }
});

test("the time left is not displayed while nothing is known about it", () => {
  for (const { time, shown } of replay(SERIES["a slow start of 8 s"])) {
    if (time < 10) equal(shown, null, `at ${time} s`);
  }
  const stalled = replay(SERIES["a stall, and its end"]);
  for (const { time, shown } of stalled) if (time > 56 && time < 75) equal(shown, null, `at ${time} s`);
  const [first] = stalled.filter(({ time, shown }) => time > 75 && shown !== null);
  ok(first.time < 80, `it is back soon after a stall, not at ${first?.time} s`);
});

test("an estimate that was wrong is replaced, not approached", () => {
  const shown = replay(SERIES["a slow start of 20 s"]).map((drawing) => drawing.shown ?? 0);
  equal(
    shown.filter((seconds) => seconds > 300 && seconds < 20_000),
    [],
  );
});

test("the further away the end is, the coarser is the time left", () => {
  /** @type {[seconds: number, shown: number][]} */
  const cases = [
    [0, 1],
    [3.4, 3],
    [9.4, 9],
    [12, 10],
    [57, 55],
    [58, 60],
    [99, 100],
    [110, 120],
    [400, 420],
    [1000, 900],
    [3000, 3000],
    [5000, 5100],
    [7000, 7200],
    [30_000, 28_800],
    [200_000, 172_800],
  ];
  for (const [seconds, shown] of cases) equal(new TimeLeft().steady(seconds, 0), shown, `${seconds} s`);
  equal(new TimeLeft().steady(8 * 24 * 3600, 0), null, "longer than a week");
  equal(new TimeLeft().steady(null, 0), null, "unknown");
});

test("the time left does not flicker between two steps", () => {
  const timeLeft = new TimeLeft();
  const shown = new Set();
  // The estimate wavers around the middle between 4 and 5 minutes.
  for (let now = 0; now < 60_000; now += 500) {
    shown.add(timeLeft.steady(270 + (now % 2_000 < 1_000 ? 8 : -8), now));
  }
  equal(shown.size, 1);
});
