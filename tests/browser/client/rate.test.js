import { Rate } from "../../../static/uploads/client/progress/rate.js";
import { ok, test } from "./testing.js";

test("speed is smoothed and decays without progress", () => {
  const rate = new Rate();
  let now = 0;
  performance.now = () => now;
  let bytes = 0;
  for (; now <= 20_000; now += 100, bytes += 1000) rate.update(bytes);
  const steady = rate.speed ?? 0;
  ok(Math.abs(steady - 10_000) < 100, `about 10,000 bytes per second, not ${steady}`);

  now += 300;
  bytes += 10_000;
  rate.update(bytes);
  const bumped = rate.speed ?? 0;
  ok(bumped > steady && bumped < 1.3 * steady, `a little faster after a bump, not ${bumped}`);

  now += 30_000;
  ok((rate.speed ?? 0) < 0.01 * steady, `almost nothing after half a minute, not ${rate.speed}`);
});
