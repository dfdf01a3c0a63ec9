import { Journal } from "../../../static/uploads/client/resume/journal.js";
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
