import { ApiError } from "../../../static/uploads/client/errors.js";
import { Hasher } from "../../../static/uploads/client/hashing/hasher.js";
import { Journal } from "../../../static/uploads/client/resume/journal.js";
import { Uploader } from "../../../static/uploads/client/uploader.js";
import { delay, FakeApi, makeFile, never, ONE_PART, until, WORKER_URL } from "./support.js";
import { equal, test } from "./testing.js";

const WHOLE = { method: "PUT", url: "/nowhere", headers: {} };

/** @param {FakeApi} api */
function makeUploader(api) {
  return new Uploader(api, { namespace: "user-1", concurrency: 2 });
}

/** Records in the journal that the file "a" was sent. */
async function rememberSent() {
  const fingerprint = await new Hasher(WORKER_URL).fingerprint(makeFile("a"), "a", never);
  await new Journal("user-1").put({ fingerprint, id: "old", token: null, state: "sent" });
}

test("an upload that was cancelled while it waited stays cancelled", async () => {
  const api = new FakeApi(ONE_PART);
  api.begin = () => new Promise(() => {});
  const request = navigator.locks.request.bind(navigator.locks);
  let slow = false;
  navigator.locks.request = /** @param {any[]} details */ async (...details) => {
    if (slow) await delay(100);
    return Reflect.apply(request, null, details);
  };
  const uploader = makeUploader(api);
  const [first] = uploader.add([makeFile("a")]);
  await until(() => first.fingerprint !== "");
  await delay(50);
  slow = true;
  const [second] = uploader.add([makeFile("a")]);
  await until(() => second.fingerprint !== "");
  uploader.cancel(second);
  await delay(300);
  equal(second.state, "cancelled");
  equal(uploader.totals.active, 1);
  equal(uploader.busy, true);
});

test("a removed upload does not come back if it is too late to cancel", async () => {
  const api = new FakeApi(ONE_PART);
  let signing = false;
  api.signParts = () => {
    signing = true;
    return new Promise(() => {});
  };
  api.abort = async () => {
    await delay(50);
    throw new ApiError(409, "upload_completed", "");
  };
  const uploader = makeUploader(api);
  /** @type {string[]} */
  const events = [];
  const [upload] = uploader.add([makeFile("a")]);
  await until(() => signing);
  uploader.cancel(upload);
  uploader.addEventListener("state", () => events.push(upload.state));
  uploader.addEventListener("remove", () => events.push("remove"));
  uploader.remove(upload);
  await delay(200);
  equal(events, ["remove"]);
  equal(uploader.totals.failed, 0);
});

test("an upload is confirmed if it is too late to cancel", async () => {
  const api = new FakeApi(ONE_PART);
  let signing = false;
  api.signParts = () => {
    signing = true;
    return new Promise(() => {});
  };
  api.abort = async () => {
    throw new ApiError(409, "upload_completed", "");
  };
  const uploader = makeUploader(api);
  const [upload] = uploader.add([makeFile("a")]);
  await until(() => signing);
  uploader.cancel(upload);
  await until(() => upload.state !== "cancelled");
  equal(upload.state, "confirming");
  equal(upload.id, "id-1");
});

/**
 * Adds a file that was sent some time ago and that the server does not know.
 * @param {number} minutes
 * @returns {Promise<number>} how many uploads were started
 */
async function beginsAfter(minutes) {
  const now = Date.now;
  Date.now = () => now() - minutes * 60_000;
  await rememberSent();
  Date.now = now;
  const api = new FakeApi(WHOLE);
  const uploader = makeUploader(api);
  const [upload] = uploader.add([makeFile("a")]);
  await until(() => api.begun > 0 || upload.state === "confirming");
  uploader.cancel(upload);
  return api.begun;
}

test("a file that was sent a minute ago is not sent again", async () => {
  equal(await beginsAfter(1), 0, "uploads started");
});

test("a file is sent again if the server has lost its data", async () => {
  equal(await beginsAfter(60), 1, "uploads started");
});

test("when the session ends, every upload keeps its place until the user has signed in again", async () => {
  const api = new FakeApi(ONE_PART);
  const { begin } = api;
  let refusals = 0;
  api.begin = async () => {
    refusals += 1;
    throw new ApiError(401, "not_authenticated", "");
  };
  const uploader = makeUploader(api);
  let ends = 0;
  uploader.addEventListener("sessionend", () => {
    ends += 1;
  });
  const [waiting, paused, cancelled] = uploader.add([makeFile("a"), makeFile("b"), makeFile("c")]);
  uploader.pause(paused);
  await until(() => waiting.waiting === "signed_out" && cancelled.waiting === "signed_out");
  uploader.cancel(cancelled);
  await until(() => cancelled.state === "cancelled");
  const [later] = uploader.add([makeFile("d")]);
  await until(() => later.waiting === "signed_out");
  equal([ends, uploader.signedOut, refusals], [1, true, 3], "told once, one request for each upload");
  equal([waiting, paused, later].map((upload) => upload.state).includes("failed"), false);
  equal(uploader.busy, true);
  api.begin = begin;
  uploader.tryNow();
  await until(() => api.begun === 2 && waiting.waiting === null && later.waiting === null);
  equal([paused.state, cancelled.state, uploader.signedOut], ["paused", "cancelled", false]);
});

test("uploading again can be retried after a failure", async () => {
  await rememberSent();
  const api = new FakeApi(ONE_PART);
  api.statuses = async (ids) => ids.map((id) => ({ id, state: "stored", file: { checksum: "" } }));
  const { begin } = api;
  api.begin = async () => {
    throw new ApiError(413, "file_too_large", "");
  };
  const uploader = makeUploader(api);
  const [upload] = uploader.add([makeFile("a")]);
  await until(() => upload.alreadyStored);
  uploader.uploadAgain(upload);
  await until(() => upload.state === "failed");
  api.begin = begin;
  upload.retryable = true;
  uploader.retry(upload);
  await until(() => api.begun > 0 || upload.state === "stored");
  uploader.cancel(upload);
  equal(api.begun, 1, "uploads started");
});

test("what was stored for a field is not used for it again, because its form may have been sent", async () => {
  const fingerprint = await new Hasher(WORKER_URL).fingerprint(makeFile("a"), "form\0a", never);
  await new Journal("user-1").put({ fingerprint, id: "old", token: null, state: "sent" });
  for (const [about, expected] of /** @type {[object, number][]} */ ([
    [{ scope: "form" }, 0],
    [{ scope: "form", field: "token" }, 1],
  ])) {
    const api = new FakeApi(WHOLE);
    api.statuses = async (ids) => ids.map((id) => ({ id, state: "stored", file: { checksum: "" } }));
    const uploader = makeUploader(api);
    const [upload] = uploader.add([{ ...about, file: makeFile("a") }]);
    await until(() => api.begun > 0 || upload.state === "stored");
    uploader.cancel(upload);
    equal(api.begun, expected, "uploads started");
  }
});
