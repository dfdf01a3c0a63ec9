import { digest } from "../../../static/uploads/client/hashing/digest.js";
import { Hasher } from "../../../static/uploads/client/hashing/hasher.js";
import { delay, never, WORKER_URL } from "./support.js";
import { equal, exhaustiveTest, ok, test } from "./testing.js";

const MIB = 1024 ** 2;

/** @param {Blob} blob */
async function expectedDigest(blob) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return btoa(String.fromCharCode(...bytes));
}

test("a digest equals the browser's own SHA-256", async () => {
  const blob = new Blob(["a".repeat(5_000_000), "b"]);
  equal(await digest(blob, never), await expectedDigest(blob));
});

test("a digest is the same without crypto.subtle", async () => {
  const blob = new Blob(["a".repeat(5_000_000), "b"]);
  const expected = await expectedDigest(blob);
  Object.defineProperty(globalThis, "crypto", { value: undefined });
  equal(await digest(blob, never), expected);
});

exhaustiveTest("garbage collection does not interrupt a digest", async () => {
  // Chromium collects a stream that only a pending read refers to.
  const { gc } = /** @type {{gc: () => void}} */ (/** @type {unknown} */ (globalThis));
  let waiting = 0;
  for (let batch = 0; batch < 5; batch += 1) {
    for (let number = 0; number < 100; number += 1) {
      waiting += 1;
      digest(new Blob(["x".repeat(300_000)]), never).then(() => {
        waiting -= 1;
      });
    }
    for (let round = 0; waiting > 0 && round < 200; round += 1) {
      gc();
      await delay(5);
    }
  }
  equal(waiting, 0, "digests that never ended");
});

/**
 * @param {string} url of the worker
 * @returns {Promise<boolean>} whether the worker was terminated
 */
async function hashTwo(url) {
  const hasher = new Hasher(url);
  let terminated = false;
  const { terminate } = Worker.prototype;
  Worker.prototype.terminate = function () {
    terminated = true;
    terminate.call(this);
  };
  const blobs = [new Blob(["one"]), new Blob(["two"])];
  const digests = await Promise.all(blobs.map((blob) => hasher.sha256(blob, never)));
  equal(digests, await Promise.all(blobs.map(expectedDigest)));
  return terminated;
}

test("the hasher computes checksums in its worker", async () => {
  equal(await hashTwo(WORKER_URL), false, "terminated");
});

test("the hasher works without workers", async () => {
  equal(await hashTwo("/static/no-such-worker.js"), true, "terminated");
});

/**
 * Aborts the digest of a blob that takes minutes to hash, then computes a short one.
 * @param {string} url of the worker
 */
async function hashAfterAbort(url) {
  const hasher = new Hasher(url);
  const piece = new Blob([new Uint8Array(4 * MIB)]);
  const huge = new Blob(Array(4096).fill(piece));
  const stop = new AbortController();
  const aborted = hasher.sha256(huge, stop.signal).catch((error) => error.message);
  const next = new Blob(["next"]);
  const digestOfNext = hasher.sha256(next, never);
  // Time for the hash of the huge blob to start.
  await delay(300);
  stop.abort(new Error("stopped"));
  equal(await aborted, "stopped");
  equal(await digestOfNext, await expectedDigest(next));
}

test("an aborted digest stops in the worker", () => hashAfterAbort(WORKER_URL));

exhaustiveTest("an aborted digest stops without workers", () => hashAfterAbort("/static/no-such-worker.js"));

/** Bytes around the sizes at which a file is read or sampled in another way. */
const SIZES = [0, 1, 10, 256 * 1024, 256 * 1024 + 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 7];

test("reading a file once gives the same digests as reading it twice", async () => {
  const hasher = new Hasher(WORKER_URL);
  for (const size of SIZES) {
    const bytes = new Uint8Array(size).map((_, index) => index % 251);
    const file = new File([bytes], "ä.bin", { lastModified: 5 });
    equal(
      await hasher.identify(file, "folder/ä.bin", never),
      {
        sha256: await expectedDigest(file),
        fingerprint: await hasher.fingerprint(file, "folder/ä.bin", never),
        size,
      },
      `${size} bytes`,
    );
  }
});

exhaustiveTest("several files are hashed at the same time, and a large one does not hold up the others", async () => {
  const hasher = new Hasher(WORKER_URL);
  const piece = new Blob([new Uint8Array(4 * MIB)]);
  const stop = new AbortController();
  const huge = hasher.sha256(new Blob(Array(4096).fill(piece)), stop.signal).catch((error) => error.message);
  const small = new File(["small"], "small");
  equal((await hasher.identify(small, "small", never)).sha256, await expectedDigest(small));
  stop.abort(new Error("still hashing"));
  equal(await huge, "still hashing");
});

exhaustiveTest("there are at most four workers", async () => {
  let started = 0;
  const { Worker } = globalThis;
  globalThis.Worker = /** @type {any} */ (
    class extends Worker {
      /** @param {string|URL} url @param {WorkerOptions} options */
      constructor(url, options) {
        super(url, options);
        started += 1;
      }
    }
  );
  for (const [processors, expected] of [
    [1, 2],
    [3, 3],
    [64, 4],
    [undefined, 2],
  ]) {
    started = 0;
    Object.defineProperty(navigator, "hardwareConcurrency", { value: processors, configurable: true });
    const hasher = new Hasher(WORKER_URL);
    const blobs = Array.from({ length: 12 }, (_, number) => new Blob([`${number}`]));
    await Promise.all(blobs.map((blob) => hasher.sha256(blob, never)));
    equal(started, expected, `workers for ${processors} processors`);
  }
});

test("a fingerprint depends on every property and both ends of a file", async () => {
  const hasher = new Hasher(WORKER_URL);
  /** @param {{at?: number, size?: number, time?: number}} [change] */
  const make = ({ at = 1.5 * MIB, size = 3 * MIB, time = 5 } = {}) => {
    const bytes = new Uint8Array(3 * MIB);
    bytes[at] = 1;
    return new File([bytes.subarray(0, size)], "f", { lastModified: time });
  };
  /** @param {File} file */
  const fingerprint = (file, name = "f") => hasher.fingerprint(file, name, never);
  const first = await fingerprint(make());
  equal(await fingerprint(make()), first, "the same file");
  const others = await Promise.all([
    fingerprint(make(), "g"),
    fingerprint(make({ time: 6 })),
    fingerprint(make({ size: 3 * MIB - 1 })),
    fingerprint(make({ at: 5 })),
    fingerprint(make({ at: 3 * MIB - 5 })),
  ]);
  equal(new Set([first, ...others]).size, 6, "different fingerprints");
  ok(!others.includes(first), "no other file has the fingerprint of the first");
});
