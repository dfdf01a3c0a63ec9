import { ApiError, ConnectionLost, StorageError } from "../../../static/uploads/client/errors.js";
import { Connection } from "../../../static/uploads/client/net/connection.js";
import { Retry } from "../../../static/uploads/client/net/retry.js";
import { FakeConnection, never, until } from "./support.js";
import { equal, test } from "./testing.js";

/** @type {[what: string, error: Error, attempts: number][]} */
const CASES = [
  ["a broken connection", new ConnectionLost(), 14],
  ["503 from storage", new StorageError(503, ""), 14],
  ["500 from storage", new StorageError(500, "<Code>InternalError</Code>"), 14],
  ["a request that was too slow", new StorageError(400, "<Code>RequestTimeout</Code>"), 14],
  ["no response from the server", new ApiError(0, "network", ""), 14],
  ["429 from the server", new ApiError(429, "too_many", ""), 14],
  ["two identical requests", new StorageError(409, "<Code>ConditionalRequestConflict</Code>"), 14],
  ["bytes that arrived damaged", new StorageError(400, "<Code>BadDigest</Code>"), 4],
  ["an expired signature", new StorageError(403, "<Message>Request has expired</Message>"), 5],
  ["a wrong signature", new StorageError(403, "<Code>SignatureDoesNotMatch</Code>"), 1],
  ["an unknown upload", new StorageError(404, "<Code>NoSuchUpload</Code>"), 1],
  ["an object that exists", new StorageError(412, ""), 1],
  ["413 from the server", new ApiError(413, "", ""), 1],
  ["a bug", new TypeError("a bug"), 1],
];

test("only temporary errors are retried", async () => {
  for (const [what, error, expected] of CASES) {
    let attempts = 0;
    const retry = new Retry(new FakeConnection(), never);
    const request = async () => {
      attempts += 1;
      throw error;
    };
    await retry.run(request).catch(() => {});
    equal(attempts, expected, `attempts after ${what}`);
  }
});

test("after the end of the session a request is repeated once the user has signed in again", async () => {
  for (const error of [new ApiError(401, "not_authenticated", ""), new ApiError(403, "csrf_failed", "")]) {
    const connection = new Connection();
    /** @type {(string|null)[]} */
    const heard = [];
    connection.addEventListener("signedout", () => heard.push("signed out"));
    let attempts = 0;
    const stop = new AbortController();
    const request = async () => {
      attempts += 1;
      if (attempts < 3) throw error;
    };
    const isDone = new Retry(connection, stop.signal, (reason) => heard.push(reason)).run(request);
    // Another upload hears it too, and the page is told once.
    const other = new Retry(connection, stop.signal).run(() => Promise.reject(error));
    await until(() => heard.length === 2);
    equal([attempts, connection.isSignedOut, heard], [1, true, ["signed_out", "signed out"]]);
    connection.tryNow();
    await until(() => attempts === 2 && connection.isSignedOut);
    connection.tryNow();
    await isDone;
    equal(attempts, 3, "attempts");
    // A pause or a cancellation ends the wait.
    stop.abort(new DOMException("paused", "AbortError"));
    equal(await other.catch((reason) => reason.message), "paused");
  }
});

test("waits grow, have jitter and obey Retry-After", async () => {
  /** @param {Error} error */
  const waitsAfter = async (error) => {
    const connection = new FakeConnection();
    await new Retry(connection, never).run(() => Promise.reject(error)).catch(() => {});
    return connection.waits;
  };
  Math.random = () => 1;
  const longest = await waitsAfter(new ConnectionLost());
  equal(longest.slice(0, 8), [600, 1200, 2400, 4800, 9600, 19200, 30000, 30000]);
  Math.random = () => 0.5;
  equal((await waitsAfter(new ConnectionLost())).slice(0, 2), [300, 600]);
  equal(await waitsAfter(new ApiError(503, "", "", 60)), Array(13).fill(60_000), "as the server asked");
  equal(await waitsAfter(new ApiError(503, "", "", 86_400)), Array(13).fill(120_000), "up to a limit");
});

test("failures while offline do not count", async () => {
  const connection = new FakeConnection();
  connection.isOnline = false;
  let attempts = 0;
  await new Retry(connection, never).run(async () => {
    attempts += 1;
    if (attempts < 50) throw new ConnectionLost();
  });
  equal(attempts, 50);
});
