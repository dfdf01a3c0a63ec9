import { forgetNames, Journal } from "../../../static/uploads/client/resume/journal.js";
import { equal, test } from "./testing.js";

/** @import { Entry } from "../../../static/uploads/client/resume/journal.js" */

const DAY = 24 * 3600 * 1000;

/**
 * @param {string} fingerprint
 * @param {Entry["state"]} state
 */
function entry(fingerprint, state) {
  return { fingerprint, id: `id of ${fingerprint}`, state, token: null };
}

/** @param {Journal} journal */
async function stateOf(journal, fingerprint = "a") {
  return (await journal.get(fingerprint))?.state;
}

test("the journal remembers uploads after a reload", async () => {
  await new Journal("user-1").put(entry("a", "sending"));
  equal(await stateOf(new Journal("user-1")), "sending");
  equal(await stateOf(new Journal("user-2")), undefined, "of another user");
});

test("the journal forgets a file, unless its entry belongs to another upload", async () => {
  const journal = new Journal("user-1");
  await journal.put(entry("a", "sending"));
  await journal.remove("a", "id of another upload");
  equal(await stateOf(journal), "sending");
  await journal.remove("a", "id of a");
  equal(await stateOf(journal), undefined);
});

test("the journal drops old entries and returns cancelled uploads", async () => {
  const journal = new Journal("user-1");
  await journal.put(entry("a", "sending"));
  await journal.put(entry("b", "cancelled"));
  const now = Date.now;
  Date.now = () => now() - 31 * DAY;
  await journal.put(entry("old", "cancelled"));
  Date.now = now;
  equal(await stateOf(journal, "old"), undefined, "an expired entry that is not dropped yet");
  const leftovers = await journal.pruneAndListCancelled();
  equal(
    leftovers.map(({ id }) => id),
    ["id of b"],
  );
  equal(await stateOf(journal), "sending");
});

test("the journal works without a database", async () => {
  indexedDB.open = () => {
    throw new Error("not in this window");
  };
  const journal = new Journal("user-1");
  await journal.put(entry("a", "sent"));
  equal(await stateOf(journal), "sent");
  equal(await journal.pruneAndListCancelled(), []);
});

/** Counts transactions from now on. */
function countTransactions() {
  const counts = { readonly: 0, readwrite: 0, versionchange: 0 };
  const { transaction } = IDBDatabase.prototype;
  IDBDatabase.prototype.transaction = function (stores, mode = "readonly", options) {
    counts[mode] += 1;
    return transaction.call(this, stores, mode, options);
  };
  return counts;
}

test("entries that are written or read at the same time share a transaction", async () => {
  const journal = new Journal("user-1");
  await journal.put(entry("first", "sending"));
  const counts = countTransactions();
  const names = Array.from({ length: 100 }, (_, number) => `file ${number}`);
  await Promise.all(names.map((name) => journal.put(entry(name, "sending"))));
  equal(counts.readwrite, 1);
  const states = await Promise.all(names.map((name) => stateOf(journal, name)));
  equal([...new Set(states)], ["sending"]);
  equal(counts.readonly, 1);
});

/**
 * What is called in one turn, without waiting for its result, and the state after it.
 * @type {[what: string, act: (journal: Journal) => unknown, expected: Entry["state"]|undefined][]}
 */
const ORDERS = [
  ["sent after sending", (journal) => [journal.put(entry("a", "sending")), journal.put(entry("a", "sent"))], "sent"],
  [
    "removed after sending",
    (journal) => [journal.put(entry("a", "sending")), journal.remove("a", "id of a")],
    undefined,
  ],
  ["removed after sent", (journal) => [journal.put(entry("a", "sent")), journal.remove("a", "id of a")], undefined],
  ["removed by its id", (journal) => [journal.put(entry("a", "sent")), journal.removeId("id of a")], undefined],
  ["sent after removed", (journal) => [journal.remove("a", "id of a"), journal.put(entry("a", "sent"))], "sent"],
  ["read at once", (journal) => journal.put(entry("a", "sent")), "sent"],
];

test("changes that share a transaction are applied in order", async () => {
  for (const [number, [what, act, expected]] of ORDERS.entries()) {
    const journal = new Journal(`user-${number}`);
    act(journal);
    equal(await stateOf(journal), expected, what);
    equal(await stateOf(new Journal(`user-${number}`)), expected, `${what}, after a reload`);
  }
});

/** @param {() => void} breakIt */
async function worksAfter(breakIt) {
  const journal = new Journal("user-1");
  await journal.put(entry("a", "sending"));
  breakIt();
  await journal.put(entry("b", "sent"));
  await journal.remove("a", "id of a");
  equal(await stateOf(journal, "b"), "sent");
  equal(await stateOf(journal, "a"), undefined);
}

test("the journal works with a full disk", () =>
  worksAfter(() => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException("", "QuotaExceededError");
    };
  }));

test("the journal works after its database was closed", () =>
  worksAfter(() => {
    IDBDatabase.prototype.transaction = () => {
      throw new DOMException("", "InvalidStateError");
    };
  }));

test("a deleted file is forgotten by its id", async () => {
  const journal = new Journal("user-1");
  await journal.put(entry("a", "sent"));
  await journal.put(entry("b", "sent"));
  await journal.removeId("id of a");
  equal(await stateOf(journal, "a"), undefined);
  equal(await stateOf(journal, "b"), "sent");
});

/**
 * A multipart upload that is not complete.
 * @param {Partial<import("../../../static/uploads/client/resume/journal.js").Description>} [description]
 */
function unfinished(description) {
  const file = { path: "a.mp4", size: 10, modified: 1, safe: 0, handle: null, ...description };
  return { ...entry("a", "sending"), token: "t", partSize: 5, partCount: 2, file };
}

/** @type {[what: string, fingerprint: string, id: string, state: Entry["state"], expected: number|undefined][]} */
const RECORDS = [
  ["its own", "a", "id of a", "sending", 5],
  ["another upload of the file", "a", "id of another", "sending", 0],
  ["an unknown file", "b", "id of a", "sending", 0],
  ["complete", "a", "id of a", "sent", undefined],
  ["cancelled", "a", "id of a", "cancelled", undefined],
];

test("what is safe is recorded only for an upload that is not complete", async () => {
  for (const [what, fingerprint, id, state, expected] of RECORDS) {
    const journal = new Journal("user-1");
    await journal.put(unfinished());
    if (state !== "sending") await journal.put(entry("a", state));
    await journal.putSafe(fingerprint, id, 5);
    const stored = await new Journal("user-1").get("a");
    equal([stored?.state, stored?.file?.safe], [state, expected], what);
  }
});

test("forgotten names are gone, and the upload still resumes", async () => {
  await new Journal("user-1").put(unfinished());
  await new Journal("user-2").put(unfinished());
  await forgetNames("user-1");
  const journal = new Journal("user-1");
  equal(await journal.unfinished(), []);
  const kept = await journal.get("a");
  equal([kept?.token, kept?.file], ["t", undefined]);
  equal((await new Journal("user-2").unfinished()).length, 1, "of another user");
});

test("an expired upload is dropped, with its name", async () => {
  const journal = new Journal("user-1");
  await journal.put({ ...unfinished(), expires: Date.now() - 1 });
  equal(await journal.unfinished(), [], "before it is dropped");
  await journal.pruneAndListCancelled();
  equal(await stateOf(journal), undefined);
});

test("a handle that the browser cannot store does not break the journal", async () => {
  const journal = new Journal("user-1");
  const handle = /** @type {any} functions cannot be stored */ ({ getFile: () => {} });
  await journal.put(unfinished({ handle }));
  const [stored] = await new Journal("user-1").unfinished();
  equal([stored.file.path, stored.file.handle], ["a.mp4", null]);
});
