import { partSizeFor } from "../../../static/uploads/client/net/plan.js";
import { Speed } from "../../../static/uploads/client/net/speed.js";
import { equal, ok, test } from "./testing.js";

const MIB = 1024 ** 2;
const GIB = 1024 * MIB;
const TIB = 1024 * GIB;
/** Bytes per second of 1 Mbit/s. */
const MBIT = 125_000;

/** @type {[what: string, size: number, speed: number|null, part: number|null][]} sizes and parts in bytes */
const PLANS = [
  ["an empty file", 0, null, null],
  ["a small file", 40_000, MBIT, null],
  ["16 MiB before the speed is known", 16 * MIB, null, null],
  ["a little more", 16 * MIB + 1, null, 5 * MIB],
  ["150 MB before the speed is known", 150e6, null, 5 * MIB],
  ["50 GiB before the speed is known", 50 * GIB, null, 52 * MIB],
  ["10 MiB on a very slow connection", 10 * MIB, 0.1 * MBIT, null],
  ["12 MiB on a slow connection", 12 * MIB, MBIT, 5 * MIB],
  ["12 MiB at 10 Mbit/s, in ten seconds", 12_500_000, 10 * MBIT, null],
  ["60 MB at 10 Mbit/s", 60e6, 10 * MBIT, 5 * MIB],
  ["150 MB at 10 Mbit/s", 150e6, 10 * MBIT, 5 * MIB],
  ["60 MB at 100 Mbit/s, in ten seconds", 60e6, 100 * MBIT, null],
  ["1 GiB at 100 Mbit/s", GIB, 100 * MBIT, 24 * MIB],
  ["above what the server accepts at once", 64 * MIB + 1, 1000 * MBIT, 239 * MIB],
  ["50 GiB at 10 Mbit/s", 50 * GIB, 10 * MBIT, 6 * MIB],
  ["5 TiB at 10 Mbit/s", 5 * TIB, 10 * MBIT, 525 * MIB],
  ["5 TiB at an absurd speed", 5 * TIB, 1e15, 5 * GIB],
];

test("the size of parts suits the speed and the limits of S3", () => {
  for (const [what, size, speed, expected] of PLANS) {
    equal(partSizeFor(size, { speed, wholeLimit: 64 * MIB, lanes: 5 }), expected, what);
  }
});

test("every plan is within the limits of S3", () => {
  for (let exponent = 20; exponent <= 42; exponent += 0.5) {
    for (const speed of [null, 1, 1e3, 1e5, 1e7, 1e9, 1e12]) {
      const size = Math.floor(2 ** exponent);
      const part = partSizeFor(size, { speed, wholeLimit: 64 * MIB, lanes: 5 });
      if (part === null) {
        ok(size <= 64 * MIB, `${size} bytes in one request`);
      } else {
        ok(part >= 5 * MIB && part <= 5 * GIB, `${part} bytes of ${size}`);
        ok(Math.ceil(size / part) <= 10_000, `${Math.ceil(size / part)} parts`);
      }
    }
  }
});

/**
 * @param {Speed} speed
 * @param {[bytes: number, begin: number, end: number][]} requests times in seconds
 */
function run(speed, requests) {
  /** @type {[time: number, act: () => void][]} */
  const events = requests.flatMap(([bytes, begin, end]) => {
    /** @type {(sent: boolean, now: number) => void} */
    let finish;
    return [
      [
        begin,
        () => {
          finish = speed.begin(bytes, begin * 1_000);
        },
      ],
      [end, () => finish(true, end * 1_000)],
    ];
  });
  for (const [, act] of events.sort(([one], [other]) => one - other)) act();
  return speed.bytesPerSecond === null ? null : Math.round(speed.bytesPerSecond / 1000);
}

/** @type {[what: string, requests: [bytes: number, begin: number, end: number][], speed: number|null][]} in KB/s */
const MEASUREMENTS = [
  ["nothing", [], null],
  ["a small file, which says more about latency", [[40_000, 0, 1]], null],
  ["one part", [[5e6, 0, 4]], 1250],
  [
    "two parts that share the connection",
    [
      [5e6, 0, 8],
      [5e6, 0, 8.001],
    ],
    1250,
  ],
  ["five parts that share it", [0, 1, 2, 3, 4].map((index) => [2e6, 0, 8 + index / 1e6]), 1250],
  [
    "parts one after another",
    [
      [5e6, 0, 4],
      [5e6, 4.5, 8.5],
    ],
    1250,
  ],
  [
    "a photo beside a part",
    [
      [5e6, 0, 4],
      [40_000, 1, 2],
    ],
    1250,
  ],
];

test("the speed is that of all requests together", () => {
  for (const [what, requests, expected] of MEASUREMENTS) equal(run(new Speed(), requests), expected, what);
});

test("the speed follows a slower connection", () => {
  const speed = new Speed();
  run(speed, [[5e6, 0, 0.4]]);
  equal(
    Math.round(
      run(
        speed,
        [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [5e6, n * 10, n * 10 + 8]),
      ) ?? 0,
    ) < 900,
    true,
  );
});

/** Seconds that a request of these bytes may be silent. @type {[bytes: number, speed: number|null, seconds: number][]} */
const PATIENCE = [
  [40_000, null, 61],
  [5 * MIB, null, 60 + 160],
  [64 * MIB, null, 60 + 2048],
  // 64 MiB take 537 s at 1 Mbit/s. A proxy may hide all of them.
  [64 * MIB, MBIT, 60 + 2048],
  [64 * MIB, 100 * MBIT, 60 + 21],
];

test("the time that is waited in silence grows with the bytes in flight", () => {
  for (const [bytes, known, expected] of PATIENCE) {
    const speed = new Speed();
    if (known) run(speed, [[known * 10, -10, 0]]);
    speed.begin(bytes, 0);
    equal(Math.round(speed.patience / 1_000), expected, `${bytes} bytes at ${known}`);
  }
  const speed = new Speed();
  const ends = [1, 2, 3].map(() => speed.begin(5 * MIB, 0));
  equal(Math.round(speed.patience / 1_000), 60 + 480, "all requests count");
  for (const end of ends) end(false, 1);
  equal(speed.patience, 60_000);
});
