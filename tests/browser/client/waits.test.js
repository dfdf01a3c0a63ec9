import { Confirmations } from "../../../static/uploads/client/confirmations.js";
import { ApiError, ConnectionLost, Stalled, Unreadable } from "../../../static/uploads/client/errors.js";
import { digest, identify } from "../../../static/uploads/client/hashing/digest.js";
import { Hasher } from "../../../static/uploads/client/hashing/hasher.js";
import { Api } from "../../../static/uploads/client/net/api.js";
import { Connection } from "../../../static/uploads/client/net/connection.js";
import { Retry } from "../../../static/uploads/client/net/retry.js";
import { Speed } from "../../../static/uploads/client/net/speed.js";
import { send } from "../../../static/uploads/client/net/transport.js";
import { assertReadable } from "../../../static/uploads/client/reading.js";
import { Journal } from "../../../static/uploads/client/resume/journal.js";
import { take } from "../../../static/uploads/client/resume/lock.js";
import { readFolders } from "../../../static/uploads/page/intake/folders.js";
import { Announcer } from "../../../static/uploads/page/ui/announcer.js";
import { delay, makeFile, never, until, WORKER_URL } from "./support.js";
import { equal, test } from "./testing.js";

/** @import { Entry } from "../../../static/uploads/client/resume/journal.js" */

/** @type {Promise<any>} */
const silence = new Promise(() => {});
/** @type {any} */
const nothing = () => silence;

/** What the current case has replaced. @type {(() => void)[]} */
const undo = [];

/**
 * Replaces a property until the end of the case.
 * @param {any} object
 * @param {string} name
 * @param {any} value
 */
function replace(object, name, value) {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
  undo.push(() => (before ? Object.defineProperty(object, name, before) : delete object[name]));
}

/** Long waits end soon, in their order. */
function shortenWaits() {
  const { setTimeout } = globalThis;
  /** @type {(act: () => void, time?: number) => any} */
  const soon = (act, time = 0) => setTimeout(act, time < 1_000 ? time : 100 + time / 1_000);
  replace(globalThis, "setTimeout", soon);
  /** @param {number} time */
  const timeout = (time) => {
    const controller = new AbortController();
    soon(() => controller.abort(new DOMException("", "TimeoutError")), time);
    return controller.signal;
  };
  replace(AbortSignal, "timeout", timeout);
}

/** Requests to IndexedDB never report a result. */
function silenceRequests() {
  for (const [type, names] of /** @type {const} */ ([
    [IDBObjectStore, ["get", "put", "delete"]],
    [IDBIndex, ["getAll", "getAllKeys"]],
  ])) {
    for (const name of names) replace(type.prototype, name, () => ({}));
  }
}

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
      while (undo.length > 0) undo.pop()?.();
    }
  }
});

/** Sets the clock back by an hour. */
function setClockBack() {
  const { now } = Date;
  Date.now = () => now() - 3_600_000;
}

test("announcements go on when the clock is set back", async () => {
  const region = document.createElement("p");
  const announcer = new Announcer(region, () => ({ files: 1, stored: 0 }));
  announcer.note("first");
  await until(() => region.textContent?.includes("first"));
  setClockBack();
  announcer.note("second");
  await until(() => region.textContent?.includes("second"));
});

test("an upload that is confirmed slowly is noticed when the clock is set back", async () => {
  const now = performance.now.bind(performance);
  let late = 0;
  performance.now = () => now() + late;
  /** @type {string[]} */
  const events = [];
  const confirmations = new Confirmations({
    ask: async (ids) => {
      if (events.length === 0) {
        setClockBack();
        late = 61_000;
      }
      return ids.map((id) => ({ id, state: "pending" }));
    },
    settle: (_id, status) => status?.state === "stored",
    hint: async () => events.push("hint"),
    onSlow: () => events.push("slow"),
  });
  confirmations.add("a");
  await until(() => events.length === 2);
  equal(events, ["hint", "slow"]);
});

test("a request is tried although the browser reports that it is offline", async () => {
  Object.defineProperty(navigator, "onLine", { value: false });
  const connection = new Connection();
  let changes = 0;
  connection.addEventListener("change", () => {
    changes += 1;
  });
  equal(connection.online, false, "before a response");
  let attempts = 0;
  const retry = new Retry(connection, never);
  const answer = retry.run(async () => {
    attempts += 1;
    if (attempts < 3) throw new ConnectionLost();
    return "answer";
  });
  await until(() => attempts === 1);
  while (attempts < 3) {
    connection.tryNow();
    await delay(5);
  }
  equal(await answer, "answer");
  equal([connection.online, changes], [true, 1], "after a response");
  dispatchEvent(new Event("offline"));
  equal([connection.online, changes], [false, 2], "after the browser has reported a change");
});
