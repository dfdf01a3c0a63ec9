import { ApiError, ConnectionLost, Stalled, Unreadable } from "../../../static/uploads/client/errors.js";
import { digest, identify } from "../../../static/uploads/client/hashing/digest.js";
import { Hasher } from "../../../static/uploads/client/hashing/hasher.js";
import { Api } from "../../../static/uploads/client/net/api.js";
import { Connection } from "../../../static/uploads/client/net/connection.js";
import { Speed } from "../../../static/uploads/client/net/speed.js";
import { send } from "../../../static/uploads/client/net/transport.js";
import { assertReadable } from "../../../static/uploads/client/reading.js";
import { Journal } from "../../../static/uploads/client/resume/journal.js";
import { heldLocks, take } from "../../../static/uploads/client/resume/lock.js";
import { download, saveZip, ZipError } from "../../../static/uploads/client/zip/index.js";
import { readFolders } from "../../../static/uploads/page/intake/folders.js";
import { PageSession } from "../../../static/uploads/page/session/page-session.js";
import {
  captureDatabases,
  nothing,
  replace,
  respondInPart,
  restore,
  saveTo,
  shortenWaits,
  silenceRequests,
} from "./silence.js";
import { makeFile, never, WORKER_URL } from "./support.js";
import { equal, test } from "./testing.js";

/** @import { Entry } from "../../../static/uploads/client/resume/journal.js" */

const MEMBER = { path: "a", size: 1, modified: new Date(), open: () => new Blob(["x"]).stream() };

/** @type {Omit<Entry, "time">} */
const ENTRY = { fingerprint: "a", id: "1", state: "sending", token: null };
const NEVER_ANSWERS = { method: "PUT", url: "/static/uploads/favicon.svg", headers: {} };

/** @param {unknown} error */
const nameOf = (error) => (error instanceof Error ? error.constructor.name : String(error));

/** @param {Promise<unknown>} promise */
const outcome = (promise) => promise.then((value) => value ?? "nothing", nameOf);

/**
 * What may never answer, what the client does then, and how that ends.
 * @type {[what: string, act: () => Promise<unknown>, expected: unknown][]}
 */
const WAITS = [
  [
    "IndexedDB that does not open",
    async () => {
      replace(IDBFactory.prototype, "open", () => ({}));
      const journal = new Journal("a");
      await journal.put(ENTRY);
      return (await journal.get("a"))?.state;
    },
    "sending",
  ],
  [
    "IndexedDB that opens and never answers a read",
    async () => {
      silenceRequests();
      return outcome(new Journal("b").get("a"));
    },
    "nothing",
  ],
  [
    "IndexedDB that never answers a write",
    async () => {
      silenceRequests();
      const journal = new Journal("c");
      await journal.put(ENTRY);
      return (await journal.get("a"))?.state;
    },
    "sending",
  ],
  [
    "IndexedDB that never answers a removal",
    async () => {
      silenceRequests();
      return outcome(new Journal("d").remove("a", "1"));
    },
    "nothing",
  ],
  [
    "IndexedDB that never lists anything",
    async () => {
      silenceRequests();
      return new Journal("e").pruneAndListCancelled();
    },
    [],
  ],
  [
    "IndexedDB that the browser closes in between",
    async () => {
      const databases = captureDatabases();
      const journal = new Journal("f");
      await journal.put(ENTRY);
      for (const database of databases()) database.close();
      await journal.put({ ...ENTRY, state: "sent" });
      return (await journal.get("a"))?.state;
    },
    "sent",
  ],
  [
    "IndexedDB that aborts in the middle of a transaction",
    async () => {
      const { put } = IDBObjectStore.prototype;
      /** @this {IDBObjectStore} @param {any} value */
      const broken = function (value) {
        const request = put.call(this, value);
        this.transaction.abort();
        return request;
      };
      replace(IDBObjectStore.prototype, "put", broken);
      const journal = new Journal("g");
      await journal.put(ENTRY);
      return (await journal.get("a"))?.state;
    },
    "sending",
  ],
  [
    "IndexedDB whose transaction never ends",
    async () => {
      replace(IDBTransaction.prototype, "oncomplete", null);
      const journal = new Journal("h");
      await journal.put(ENTRY);
      return (await journal.get("a"))?.state;
    },
    "sending",
  ],
  [
    "Web Locks that never say what is held",
    async () => {
      replace(navigator.locks, "query", nothing);
      return [...(await heldLocks())];
    },
    [],
  ],
  [
    "Web Locks that never answer",
    async () => {
      replace(navigator.locks, "request", nothing);
      const release = await take("a", never, () => {});
      return typeof release;
    },
    "function",
  ],
  [
    "a worker that never answers",
    () => {
      replace(Worker.prototype, "postMessage", () => {});
      return new Hasher(WORKER_URL).sha256(new Blob(["x"]), never);
    },
    "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=",
  ],
  [
    "a browser that never computes a checksum",
    () => {
      replace(SubtleCrypto.prototype, "digest", nothing);
      return digest(new Blob(["x"]), never);
    },
    "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=",
  ],
  [
    "a browser that refuses to compute checksums",
    () => {
      replace(SubtleCrypto.prototype, "digest", () => Promise.reject(new DOMException("", "OperationError")));
      return digest(new Blob(["x"]), never);
    },
    "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=",
  ],
  [
    "a file that is never read, as a whole",
    () => {
      replace(Blob.prototype, "arrayBuffer", nothing);
      return outcome(assertReadable(makeFile("a"), 1));
    },
    Unreadable.name,
  ],
  [
    "a large file that is never read, while it is hashed",
    () => {
      replace(ReadableStreamBYOBReader.prototype, "read", nothing);
      return outcome(digest(makeFile("a", "x".repeat(1024 ** 2)), never));
    },
    Unreadable.name,
  ],
  [
    "a small file that is never read, while it is hashed",
    () => {
      replace(Blob.prototype, "arrayBuffer", nothing);
      return outcome(identify("a", makeFile("a")));
    },
    Unreadable.name,
  ],
  [
    "a server that never answers",
    () => {
      /** @param {Request} request */
      const request = ({ signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      replace(globalThis, "fetch", request);
      return outcome(new Api("").statuses(["a"]));
    },
    ApiError.name,
  ],
  [
    "a server whose response stops in its body",
    () => {
      replace(globalThis, "fetch", respondInPart);
      return outcome(new Api("").statuses(["a"]));
    },
    ApiError.name,
  ],
  [
    "a server whose error stops in its body",
    () => {
      replace(globalThis, "fetch", (/** @type {Request} */ { signal }) => respondInPart("", { signal }, 503));
      return outcome(new Api("").statuses(["a"]));
    },
    ApiError.name,
  ],
  [
    "the server's session that stops in its body",
    () => {
      replace(globalThis, "fetch", respondInPart);
      return outcome(new PageSession("/accounts/session", "1").fetch());
    },
    "nothing",
  ],
  [
    "a file for an archive that stops in its body",
    () => {
      replace(globalThis, "fetch", respondInPart);
      saveTo({});
      return outcome(saveZip("a.zip", [{ ...MEMBER, open: download(async () => "/") }], { signal: never }));
    },
    ZipError.name,
  ],
  ...["createWritable", "write", "close"].map(
    (call) =>
      /** @type {[string, () => Promise<unknown>, unknown]} */ ([
        `a disk that never answers to ${call}`,
        () => {
          saveTo({ [call]: nothing, abort: nothing });
          return outcome(saveZip("a.zip", [MEMBER], { signal: never }));
        },
        ZipError.name,
      ]),
  ),
  [
    "a disk that does not answer while the archive is cancelled",
    () => {
      saveTo({ write: nothing, abort: nothing });
      const control = new AbortController();
      const saved = outcome(saveZip("a.zip", [MEMBER], { signal: control.signal }));
      control.abort(new ConnectionLost());
      return saved;
    },
    ConnectionLost.name,
  ],
  [
    "storage that never answers",
    () => {
      replace(XMLHttpRequest.prototype, "send", () => {});
      replace(
        XMLHttpRequest.prototype,
        "abort",
        /** @this {XMLHttpRequest} */ function () {
          for (const type of ["abort", "loadend"]) this.dispatchEvent(new ProgressEvent(type));
        },
      );
      return outcome(send(NEVER_ANSWERS, new Blob(["x"]), { signal: never, speed: new Speed(), onProgress: () => {} }));
    },
    Stalled.name,
  ],
  [
    "a connection that does not come back",
    () => {
      replace(Navigator.prototype, "onLine", false);
      return outcome(new Connection().wait(30_000, never));
    },
    "nothing",
  ],
  [
    "a folder that is never listed",
    async () => {
      /** @type {string[]} */
      const unreadable = [];
      const folder = /** @type {any} */ ({ fullPath: "/folder", createReader: () => ({ readEntries: () => {} }) });
      await readFolders([folder], {
        signal: never,
        onFiles: () => {},
        onUnreadable: (path) => unreadable.push(path),
        onLeftOut: () => {},
      });
      return unreadable;
    },
    ["folder"],
  ],
  [
    "a dropped file that is never delivered",
    async () => {
      /** @type {string[]} */
      const unreadable = [];
      const file = { isFile: true, isDirectory: false, name: "a", fullPath: "/folder/a", file: () => {} };
      const portions = [[file], []];
      const reader = {
        readEntries: /** @param {(entries: any) => void} resolve */ (resolve) => resolve(portions.shift()),
      };
      const folder = /** @type {any} */ ({ fullPath: "/folder", createReader: () => reader });
      await readFolders([folder], {
        signal: never,
        onFiles: () => {},
        onUnreadable: (path) => unreadable.push(path),
        onLeftOut: () => {},
      });
      return unreadable;
    },
    ["folder/a"],
  ],
];

test("every wait for the browser, the server and storage ends", async () => {
  for (const [what, act, expected] of WAITS) {
    shortenWaits();
    try {
      equal(await act(), expected, what);
    } finally {
      restore();
    }
  }
});
