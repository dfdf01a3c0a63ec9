import { Lookahead } from "../../../static/uploads/client/lookahead.js";
import { equal, test } from "./testing.js";

/**
 * Seconds between two files, and how many are prepared after a minute.
 * @type {[seconds: number, expected: number][]}
 */
const SPEEDS = [
  [60, 24],
  [10, 24],
  [1, 40],
  [0.25, 160],
  [0.01, 200],
];

test("as many files are prepared as are sent in about forty seconds", () => {
  for (const [seconds, expected] of SPEEDS) {
    const lookahead = new Lookahead();
    for (let time = 0; time < 60; time += seconds) lookahead.sent(time * 1_000);
    equal(lookahead.size(59_999), expected, `a file every ${seconds} s`);
  }
});

test("few files are prepared at the start, and again after a pause", () => {
  const lookahead = new Lookahead();
  equal(lookahead.size(0), 24);
  for (let number = 0; number < 500; number += 1) lookahead.sent(1_000);
  equal(lookahead.size(1_000), 200);
  equal(lookahead.size(10_999), 200);
  equal(lookahead.size(11_000), 24);
});
