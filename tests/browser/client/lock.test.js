import { take, tryTake } from "../../../static/uploads/client/resume/lock.js";
import { never, until } from "./support.js";
import { equal, test } from "./testing.js";

async function hasOneHolder() {
  /** @type {(string|null)[]} */
  const seen = [];
  const name = "a file";
  const release = await take(name, never, () => seen.push("not expected"));
  equal(await tryTake(name), null, "a lock that is held");
  const stop = new AbortController();
  const stopped = take(name, stop.signal, () => {}).catch((error) => seen.push(error.message));
  const second = take(name, never, () => seen.push("waits"));
  // It requested the lock after the stopped one, so the stopped one is waiting too.
  await until(() => seen.includes("waits"));
  stop.abort(new Error("stopped"));
  await stopped;
  release();
  (await second)();
  (await take(name, never, () => {}))();
  equal(seen, ["waits", "stopped"]);
}

test("a lock has one holder with Web Locks", hasOneHolder);

test("a lock has one holder without Web Locks", async () => {
  Object.defineProperty(navigator, "locks", { value: undefined });
  await hasOneHolder();
});
