import { StorageError } from "../../../static/uploads/client/errors.js";
import { PartSender } from "../../../static/uploads/client/parts.js";
import { Stop } from "../../../static/uploads/client/stop.js";
import { Upload } from "../../../static/uploads/client/upload.js";
import { FakeConnection, makeFile } from "./support.js";
import { equal, test } from "./testing.js";

/** @import { Tools } from "../../../static/uploads/client/tools.js" */

/**
 * Sends a file of one part, until its bytes would be sent.
 * @param {number} waits milliseconds for which the part waits for its turn
 * @param {number} [failures] how often its turn ends with a response that its signature has expired
 * @returns {Promise<string[]>} what was done, in this order
 */
async function stepsOf(waits, failures = 0) {
  /** @type {string[]} */
  const steps = [];
  const now = performance.now.bind(performance);
  const tools = {
    api: {
      signParts: async () => {
        steps.push("sign");
        // An address that no browser accepts, so that nothing is sent.
        return [{ method: "PUT", url: "http://[", headers: {} }];
      },
    },
    connection: new FakeConnection(),
    hasher: { sha256: async () => steps.push("hash") && "a checksum" },
    pool: {
      max: 1,
      run: (/** @type {unknown} */ _task, /** @type {() => Promise<void>} */ request) => {
        steps.push("turn");
        performance.now = () => now() + waits;
        if (failures > 0) {
          failures -= 1;
          return Promise.reject(
            new StorageError(403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"),
          );
        }
        return request();
      },
    },
  };
  const sender = new PartSender(
    new Upload(makeFile("a")),
    { id: "1", token: "t", partSize: 5, partCount: 1 },
    new Map(),
    /** @type {Tools} only what it uses */ (/** @type {unknown} */ (tools)),
    new Stop(),
    { onProgress: () => {}, onSafe: () => {}, onWait: () => {} },
  );
  await sender.run().catch((error) => steps.push(error.name));
  performance.now = now;
  return steps;
}

const ahead = ["hash", "sign", "turn"];
test("a part is signed ahead, and again in its turn if it has waited long", async () => {
  for (const waits of [0, 1_000, 9_000]) equal(await stepsOf(waits), [...ahead, "SyntaxError"], `${waits} ms`);
  for (const waits of [11_000, 60_000, 600_000]) {
    equal(await stepsOf(waits), [...ahead, "sign", "SyntaxError"], `${waits} ms`);
  }
});

test("after an expired signature, a part is signed in its turn", async () => {
  equal(await stepsOf(0, 2), [...ahead, "turn", "turn", "sign", "SyntaxError"]);
});
