import { removeLeftovers } from "../../../static/uploads/client/resume/discard.js";
import { FakeApi, FakeConnection, ONE_PART, recordUncaught } from "./support.js";
import { equal, test } from "./testing.js";

/** @import { Entry } from "../../../static/uploads/client/resume/journal.js" */
/** @import { Tools } from "../../../static/uploads/client/tools.js" */

/**
 * Removes the leftovers of two uploads, "first" and "second".
 * @param {FakeApi} api
 * @returns {Promise<string[]>} the fingerprints of those that were removed
 */
async function remove(api) {
  /** @type {string[]} */
  const removed = [];
  /** @type {Entry[]} */
  const entries = ["first", "second"].map((fingerprint) => {
    return { fingerprint, id: `id of ${fingerprint}`, state: "cancelled", token: "t", time: 0 };
  });
  const tools = {
    api,
    connection: new FakeConnection(),
    lockName: /** @param {string} fingerprint */ (fingerprint) => fingerprint,
    journal: {
      pruneAndListCancelled: async () => entries,
      remove: /** @param {string} fingerprint */ async (fingerprint) => removed.push(fingerprint),
    },
  };
  await removeLeftovers(/** @type {Tools} only what it uses */ (/** @type {unknown} */ (tools)));
  return removed;
}

test("leftovers are removed although the browser refuses a lock", async () => {
  const uncaught = recordUncaught();
  const request = navigator.locks.request.bind(navigator.locks);
  navigator.locks.request = /** @param {any[]} details */ async (...details) => {
    if (details[0] === "first") throw new DOMException("no lock", "SecurityError");
    return Reflect.apply(request, null, details);
  };
  equal(await remove(new FakeApi(ONE_PART)), ["first", "second"]);
  equal(uncaught, []);
});

test("an unexpected error while leftovers are removed is reported, and the others are removed", async () => {
  const uncaught = recordUncaught();
  const api = new FakeApi(ONE_PART);
  api.abort = async (id) => {
    if (id === "id of first") throw new TypeError("a bug");
    return null;
  };
  equal(await remove(api), ["second"]);
  equal(uncaught, ["a bug"]);
});
