import { ApiError } from "../../../static/uploads/client/errors.js";
import { Hasher } from "../../../static/uploads/client/hashing/hasher.js";
import { HandleError } from "../../../static/uploads/client/resume/handles.js";
import { Journal } from "../../../static/uploads/client/resume/journal.js";
import { mark, take } from "../../../static/uploads/client/resume/lock.js";
import { Uploader } from "../../../static/uploads/client/uploader.js";
import { delay, FakeApi, makeFile, never, ONE_PART, until, WORKER_URL } from "./support.js";
import { equal, exhaustiveTest, ok, test } from "./testing.js";

/** @import { Entry } from "../../../static/uploads/client/resume/journal.js" */
/** @import { UploadStatus } from "../../../static/uploads/client/net/api.js" */

const DAY = 24 * 3600 * 1000;
const CONTENT = "0123456789";

/** A server that has the first of two parts of five bytes. */
class Server extends FakeApi {
  /** Ids of which parts were asked. @type {string[]} */
  asked = [];
  /** Ids that were aborted. @type {string[]} */
  aborted = [];

  constructor() {
    super(ONE_PART);
  }

  /**
   * @override
   * @param {string} [id]
   */
  async parts(id = "") {
    this.asked.push(id);
    return [{ part_number: 1, size: 5, sha256: "" }];
  }

  /**
   * @override
   * @param {string} id
   */
  async abort(id) {
    this.aborted.push(id);
    return null;
  }
}

/** @param {Server} [api] */
function open(api = new Server(), namespace = "7") {
  return { api, uploader: new Uploader(api, { namespace, workerUrl: WORKER_URL }) };
}

/** @param {string} path */
async function fingerprintOf(path, file = makeFile(path, CONTENT)) {
  return new Hasher(WORKER_URL).fingerprint(file, path, never);
}

/**
 * Leaves an upload as a crash does.
 * @param {string} path
 * @param {Partial<Entry>} [changes]
 * @param {Partial<import("../../../static/uploads/client/resume/journal.js").Description>} [description]
 */
async function leave(path, changes = {}, description = {}) {
  await new Journal("7").put({
    fingerprint: await fingerprintOf(path),
    id: `id of ${path}`,
    state: "sending",
    token: "t",
    partSize: 5,
    partCount: 2,
    expires: Date.now() + DAY,
    file: { path, size: 10, modified: 1, safe: 0, handle: null, ...description },
    ...changes,
  });
}

/** @param {Uploader} uploader */
async function shown({ unfinished }) {
  await unfinished.refresh();
  return unfinished.items.map(({ path }) => path);
}

/** @param {number} count of locks that all pages hold */
async function untilHeld(count) {
  while ((await navigator.locks.query()).held?.length !== count) await delay(5);
}

test("an interrupted upload is shown with what storage has of it", async () => {
  await leave("folder/a.mp4", {}, { safe: 3 });
  const { uploader, api } = open();
  let changes = 0;
  uploader.unfinished.addEventListener("change", () => {
    changes += 1;
  });
  await uploader.unfinished.refresh();
  const expected = { id: "id of folder/a.mp4", path: "folder/a.mp4", size: 10, hasHandle: false };
  equal(
    uploader.unfinished.items.map((item) => ({ ...item })),
    [{ ...expected, safe: 5, isChecked: true }],
  );
  await uploader.unfinished.refresh();
  equal(changes, 2, "changes: one from the journal, one from the server");
  equal(api.asked, ["id of folder/a.mp4"], "asked once");
});

/** @type {[what: string, changes: Partial<Entry>][]} */
const NOT_SHOWN = [
  ["expired", { expires: Date.now() - 1 }],
  ["in one request", { token: null }],
  ["complete", { state: "sent" }],
  ["cancelled", { state: "cancelled" }],
  ["of an earlier version, without a name", { file: undefined }],
];

test("only multipart uploads that can be continued are shown", async () => {
  for (const [what, changes] of NOT_SHOWN) await leave(what, changes);
  await leave("of an earlier version, without a time", { expires: undefined });
  const { uploader } = open();
  equal(await shown(uploader), ["of an earlier version, without a time"]);
});

test("another user of the browser does not see interrupted uploads", async () => {
  await leave("a.mp4");
  equal(await shown(open(new Server(), "8").uploader), []);
  equal(await shown(open(new Server(), "7").uploader), ["a.mp4"]);
});

/** @type {[what: string, status: UploadStatus["state"], parts: ApiError|null, shown: boolean, state: Entry["state"]|undefined][]} */
const ANSWERS = [
  ["stored", "stored", null, false, "sent"],
  ["rejected", "rejected", null, false, undefined],
  ["deleted", "deleted", null, false, undefined],
  ["pending", "pending", null, true, "sending"],
  ["gone", "pending", new ApiError(404, "upload_not_found", ""), false, undefined],
  ["expired", "pending", new ApiError(404, "upload_expired", ""), false, undefined],
  ["completed", "pending", new ApiError(409, "upload_completed", ""), false, "sent"],
  ["offline", "pending", new ApiError(0, "network", ""), true, "sending"],
  ["busy", "pending", new ApiError(503, "unavailable", ""), true, "sending"],
  ["signed out", "pending", new ApiError(401, "not_authenticated", ""), true, "sending"],
];

test("the server's answer decides what is shown and remembered", async () => {
  for (const [what, state, error, isShown, remembered] of ANSWERS) {
    await leave(what, {}, { safe: 2 });
    const { uploader, api } = open();
    api.statuses = async (ids) => ids.map((id) => ({ id, state }));
    if (error) api.parts = () => Promise.reject(error);
    equal(await shown(uploader), isShown ? [what] : [], what);
    const entry = await new Journal("7").get(await fingerprintOf(what));
    equal(entry?.state, remembered, what);
    if (error && isShown)
      equal([uploader.unfinished.items[0].safe, uploader.unfinished.items[0].isChecked], [2, false]);
    if (remembered === "sent") equal(entry?.file, undefined, "its name is forgotten");
    await new Journal("7").remove(await fingerprintOf(what), `id of ${what}`);
  }
});

test("an upload in another tab is not shown, until that tab ends", async () => {
  const fingerprint = await fingerprintOf("a.mp4");
  await leave("a.mp4");
  const { uploader } = open();
  for (const hold of [
    () => take(`filehub:7:${fingerprint}`, never, () => {}),
    async () => mark(`filehub:7:${fingerprint}:listed`),
  ]) {
    const end = await hold();
    await untilHeld(1);
    equal(await shown(uploader), [], "another tab has it");
    end();
    await untilHeld(0);
    equal(await shown(uploader), ["a.mp4"], "that tab has ended");
  }
});

test("what the other tab has sent is asked again", async () => {
  const fingerprint = await fingerprintOf("a.mp4");
  await leave("a.mp4");
  const { uploader, api } = open();
  await uploader.unfinished.refresh();
  const end = await take(`filehub:7:${fingerprint}`, never, () => {});
  await uploader.unfinished.refresh();
  end();
  await untilHeld(0);
  await uploader.unfinished.refresh();
  equal(api.asked.length, 2);
});

test("choosing the file in the usual way takes its row's place at once", async () => {
  await leave("a.mp4");
  const { uploader } = open();
  await uploader.unfinished.refresh();
  const [upload] = uploader.add([makeFile("a.mp4", CONTENT)]);
  equal(uploader.unfinished.items, []);
  await until(() => upload.state === "uploading");
  equal([upload.id, upload.resumed], ["id of a.mp4", 5]);
  equal(await shown(uploader), []);
  uploader.pause(upload);
  uploader.pause(upload);
  await until(() => upload.state === "paused");
  equal(await shown(uploader), [], "paused in this page");
  equal(await shown(open().uploader), [], "paused in another page");
});

test("a row that the user dismissed comes back with the next visit", async () => {
  await leave("a.mp4");
  const { uploader, api } = open();
  api.signParts = () => Promise.reject(new ApiError(403, "forbidden", ""));
  const [upload] = uploader.add([makeFile("a.mp4", CONTENT)]);
  await until(() => upload.state === "failed");
  uploader.remove(upload);
  // Its lock and its mark hide it, too.
  await untilHeld(0);
  equal(await shown(uploader), []);
  equal(await shown(open().uploader), ["a.mp4"]);
});

/** @type {[what: string, path: string, chosen: File, matches: boolean][]} */
const CHOSEN = [
  ["the same", "a.mp4", makeFile("a.mp4", CONTENT), true],
  ["the same, in a folder", "x/y/a.mp4", makeFile("a.mp4", CONTENT), true],
  ["another name", "a.mp4", makeFile("b.mp4", CONTENT), false],
  ["another size", "a.mp4", makeFile("a.mp4", `${CONTENT}!`), false],
  ["another content", "a.mp4", makeFile("a.mp4", "0123456xyz"), false],
  ["another time", "a.mp4", new File([CONTENT], "a.mp4", { lastModified: 2 }), false],
  ["a hostile name", "\u202e4pm.\u0000<b>", makeFile("\u202e4pm.\u0000<b>", CONTENT), true],
  ["empty", "a.mp4", makeFile("a.mp4", ""), false],
];

test("only the same file continues", async () => {
  for (const [what, path, file, expected] of CHOSEN) {
    await leave(path);
    const { uploader } = open();
    await uploader.unfinished.refresh();
    const [item] = uploader.unfinished.items;
    equal(await uploader.unfinished.matches(item, file), expected, what);
    if (expected) {
      const upload = uploader.unfinished.continue(item, file);
      equal([upload.path, uploader.unfinished.items], [path, []], what);
      uploader.cancel(upload);
      await upload.run;
    }
    await new Journal("7").remove(await fingerprintOf(path), `id of ${path}`);
  }
});

/** @type {[what: string, error: ApiError|null, outcome: string, remains: boolean][]} */
const REMOVALS = [
  ["done", null, "removed", false],
  ["gone before", new ApiError(404, "upload_not_found", ""), "removed", false],
  ["too late", new ApiError(409, "upload_completed", ""), "completed", false],
  ["offline", new ApiError(0, "network", ""), "network", true],
  ["server error", new ApiError(500, "internal_error", ""), "internal_error", true],
  ["signed out", new ApiError(401, "not_authenticated", ""), "not_authenticated", true],
];

exhaustiveTest("an upload is forgotten only once storage has removed it", async () => {
  for (const [what, error, expected, remains] of REMOVALS) {
    await leave(what);
    const { uploader, api } = open();
    await uploader.unfinished.refresh();
    if (error) api.abort = () => Promise.reject(error);
    const outcome = await uploader.unfinished.remove(uploader.unfinished.items[0]).catch(({ code }) => code);
    equal(outcome, expected, what);
    equal(await shown(uploader), remains ? [what] : [], what);
    equal((await new Journal("7").get(await fingerprintOf(what)))?.state, remains ? "sending" : undefined, what);
    await new Journal("7").remove(await fingerprintOf(what), `id of ${what}`);
  }
});

test("an upload that another tab has continued is not removed", async () => {
  await leave("a.mp4");
  const { uploader, api } = open();
  await uploader.unfinished.refresh();
  const [item] = uploader.unfinished.items;
  await take(`filehub:7:${await fingerprintOf("a.mp4")}`, never, () => {});
  equal(await uploader.unfinished.remove(item), "taken");
  equal(api.aborted, []);
  equal(await shown(uploader), []);
});

/** A real handle, of a file in the browser's own file system. */
async function makeHandle(name = "a.mp4") {
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle(name, { create: true });
  const writable = await handle.createWritable();
  await writable.write(CONTENT);
  await writable.close();
  return { folder, handle };
}

test("a handle survives a reload, and its file continues", async () => {
  const { handle } = await makeHandle();
  const file = await handle.getFile();
  await leave(
    "x/a.mp4",
    { fingerprint: await fingerprintOf("x/a.mp4", file) },
    { modified: file.lastModified, handle },
  );
  const { uploader } = open();
  await uploader.unfinished.refresh();
  const [item] = uploader.unfinished.items;
  ok(item.hasHandle, "it has a handle");
  const opened = await uploader.unfinished.open(item);
  ok(await uploader.unfinished.matches(item, opened), "it is the same file");
  const upload = uploader.unfinished.continue(item, opened);
  await until(() => upload.state === "uploading");
  equal(upload.id, "id of x/a.mp4");
  const entry = await new Journal("7").get(upload.fingerprint);
  ok(await entry?.file?.handle?.isSameEntry(handle), "the handle is kept for the next reload");
});

/** @type {[what: string, code: string, spoil: (folder: FileSystemDirectoryHandle) => unknown][]} */
const SPOILT = [
  ["deleted", "file_missing", (folder) => folder.removeEntry("a.mp4")],
  ["denied", "permission_denied", () => answer("denied")],
  ["dismissed", "permission_denied", () => answer("prompt")],
  ["not asked by a click", "permission_denied", () => refuse("requestPermission", "SecurityError")],
  ["revoked", "permission_denied", () => refuse("getFile", "NotAllowedError")],
  ["locked", "file_unreadable", () => refuse("getFile", "NotReadableError")],
];

/** @param {PermissionState} state */
function answer(state) {
  Object.assign(FileSystemHandle.prototype, { requestPermission: async () => state });
}

/**
 * @param {"requestPermission"|"getFile"} method
 * @param {string} name
 */
function refuse(method, name) {
  const prototype = method === "getFile" ? FileSystemFileHandle.prototype : FileSystemHandle.prototype;
  Object.assign(prototype, { [method]: () => Promise.reject(new DOMException("", name)) });
}

test("a file that cannot be opened says why", async () => {
  const { requestPermission } = /** @type {any} only Chromium has it */ (FileSystemHandle.prototype);
  const { getFile } = FileSystemFileHandle.prototype;
  for (const [what, code, spoil] of SPOILT) {
    const { folder, handle } = await makeHandle();
    await leave("a.mp4", {}, { handle });
    const { uploader } = open();
    await uploader.unfinished.refresh();
    await spoil(folder);
    const error = await uploader.unfinished.open(uploader.unfinished.items[0]).catch((reason) => reason);
    ok(error instanceof HandleError, what);
    equal(error.code, code, what);
    Object.assign(FileSystemHandle.prototype, { requestPermission });
    Object.assign(FileSystemFileHandle.prototype, { getFile });
  }
});

test("without a database nothing is shown, and nothing waits for one", async () => {
  indexedDB.open = () => /** @type {any} a request that never answers */ ({});
  const { uploader } = open();
  let refreshed = false;
  uploader.unfinished.refresh().then(() => {
    refreshed = true;
  });
  equal([uploader.unfinished.items, refreshed], [[], false]);
  uploader.add([makeFile("a.mp4")]);
  equal(uploader.uploads.length, 1);
});

/** @type {[what: string, source: import("../../../static/uploads/client/resume/handles.js").HandleSource|undefined, kept: boolean][]} */
const SOURCES = [
  ["found", async () => (await makeHandle()).handle, true],
  ["none", undefined, false],
  ["not found", async () => null, false],
  ["failing", () => Promise.reject(new DOMException("", "NotFoundError")), false],
];

test("a new upload is remembered with its name, and with its handle if it has one", async () => {
  for (const [what, handle, kept] of SOURCES) {
    const { uploader } = open();
    const [upload] = uploader.add([{ file: makeFile("a.mp4", CONTENT), path: `${what}/a.mp4`, handle }]);
    await until(() => upload.state === "uploading");
    const file = (await new Journal("7").get(upload.fingerprint))?.file;
    equal([file?.path, file?.size, file?.modified, file?.safe], [`${what}/a.mp4`, 10, 1, 0]);
    equal(file?.handle !== null, kept, what);
  }
});

test("a file in one request is remembered without its name, and its handle is not looked for", async () => {
  const api = new Server();
  api.begin = async () => ({ id: "whole", method: "PUT", url: "/nowhere", headers: {} });
  const { uploader } = open(api);
  let looked = false;
  const handle = async () => {
    looked = true;
    return null;
  };
  const [upload] = uploader.add([{ file: makeFile("a.txt"), handle }]);
  await until(() => upload.id === "whole");
  await until(() => upload.state !== "hashing");
  equal([(await new Journal("7").get(upload.fingerprint))?.file, looked], [undefined, false]);
});
