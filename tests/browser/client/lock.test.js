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
  // The aborted request was made earlier, so it is waiting too.
  await until(() => seen.includes("waits"));
  stop.abort(new Error("stopped"));
  await stopped;
  release();
  (await second)();
  (await take(name, never, () => {}))();
  equal(seen, ["waits", "stopped"]);
}

test("without Web Locks a granted lock leaves no listener on the signal", async () => {
  Object.defineProperty(navigator, "locks", { value: undefined });
  const controller = new AbortController();
  const { signal } = controller;
  let calls = 0;
  const { addEventListener } = signal;
  signal.addEventListener = /** @param {any[]} details */ (...details) => {
    const [type, listener, options] = details;
    const counting = () => {
      calls += 1;
      listener();
    };
    addEventListener.call(signal, type, counting, options);
  };
  const release = await take("a file", signal, () => {});
  let isWaiting = false;
  const second = take("a file", signal, () => {
    isWaiting = true;
  });
  await until(() => isWaiting);
  release();
  (await second)();
  controller.abort();
  equal(calls, 0, "listeners that were left behind");
});

test("a lock has one holder with Web Locks", hasOneHolder);

test("a lock has one holder without Web Locks", async () => {
  Object.defineProperty(navigator, "locks", { value: undefined });
  await hasOneHolder();
});
