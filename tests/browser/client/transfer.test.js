import { take } from "../../../static/uploads/client/resume/lock.js";
import { Stop } from "../../../static/uploads/client/stop.js";
import { Transfer } from "../../../static/uploads/client/transfer.js";
import { Upload } from "../../../static/uploads/client/upload.js";
import { makeFile, never } from "./support.js";
import { equal, test } from "./testing.js";

/** @import { Report } from "../../../static/uploads/client/transfer.js" */
/** @import { Tools } from "../../../static/uploads/client/tools.js" */

test("a transfer that is stopped while it takes its lock releases it and reads nothing", async () => {
  const stop = new Stop();
  /** @type {string[]} */
  const calls = [];
  const request = navigator.locks.request.bind(navigator.locks);
  navigator.locks.request = /** @param {any[]} details */ (...details) => {
    // The lock is free, so the browser grants it although it is no longer needed.
    stop.abort(new DOMException("stopped"));
    return Reflect.apply(request, null, details);
  };
  const tools = {
    hasher: { canIdentify: () => true, identify: async () => ({ fingerprint: "f", sha256: "s", size: 1 }) },
    pool: { lanes: 1 },
    speed: { bytesPerSecond: null },
    wholeLimit: 1,
    journal: { get: async () => calls.push("journal") },
    lockName: () => "a file",
  };
  const report = { enter: () => {}, reclaimSlot: () => {} };
  const transfer = new Transfer(
    new Upload(makeFile("a")),
    /** @type {Tools} only what it uses */ (/** @type {unknown} */ (tools)),
    /** @type {Report} only what it uses */ (/** @type {unknown} */ (report)),
    stop,
  );
  await transfer.run().catch((error) => calls.push(error.message));
  equal(calls, ["stopped"]);
  // Waits until the lock is free.
  (await take("a file", never, () => {}))();
});
