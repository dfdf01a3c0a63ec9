import { crc32 } from "../../../static/uploads/client/zip/crc32.js";
import { Archive, download, MEMORY_LIMIT, saveZip, ZipError } from "../../../static/uploads/client/zip/index.js";
import { hurry, never, until } from "./support.js";
import { equal, exhaustiveTest, ok, test } from "./testing.js";

/** @import { Member } from "../../../static/uploads/client/zip/index.js" */

const encoder = new TextEncoder();
const modified = new Date(2026, 0, 31);

/**
 * @param {string} path
 * @param {string} text
 * @param {number} [size] the expected one, if the content has another
 * @returns {Member}
 */
function member(path, text, size = text.length) {
  return { path, size, modified, open: () => new Blob([text]).stream() };
}

/**
 * @param {Member[]} members
 * @param {AbortSignal} [signal]
 */
async function bytesOf(members, signal = never) {
  const chunks = [];
  for await (const chunk of new Archive(members).chunks(signal)) chunks.push(/** @type {BlobPart} */ (chunk));
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/**
 * @param {Promise<unknown>} promise
 * @returns {Promise<any>} what it rejects with
 */
async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

/** The saved archives, in a real file system without a dialog. */
async function useFolder() {
  const folder = await navigator.storage.getDirectory();
  Object.assign(globalThis, {
    showSaveFilePicker: (/** @type {any} */ { suggestedName }) => folder.getFileHandle(suggestedName, { create: true }),
  });
  const names = async () => {
    const found = [];
    for await (const name of /** @type {any} */ (folder).keys()) found.push(name);
    return found;
  };
  return { folder, names };
}

test("the checksum is that of the standard, however the bytes are split", () => {
  /** @type {[text: string, checksum: number][]} */
  const vectors = [
    ["", 0],
    ["a", 0xe8b7be43],
    ["123456789", 0xcbf43926],
    ["The quick brown fox jumps over the lazy dog", 0x414fa339],
  ];
  for (const [text, checksum] of vectors) {
    const bytes = encoder.encode(text);
    for (let at = 0; at <= bytes.length; at++) {
      equal(crc32(bytes.subarray(at), crc32(bytes.subarray(0, at))), checksum, `"${text}" split at ${at}`);
    }
  }
});

test("a member is opened only when it is its turn", async () => {
  /** @type {string[]} */
  const events = [];
  const members = ["a", "b"].map((path) => ({
    path,
    size: 1,
    modified,
    open: async function* () {
      events.push(`open ${path}`);
      yield encoder.encode("x");
      events.push(`end ${path}`);
    },
  }));
  await bytesOf(members);
  equal(events, ["open a", "end a", "open b", "end b"]);
});

test("the size is known before anything is read", async () => {
  const members = [member("a", "xyz"), member("ü/b", ""), member("a", "1")];
  equal(new Archive(members).size, (await bytesOf(members)).length);
  equal(new Archive([]).size, 22);
});

/** @type {Record<string, [member: Member, code: string]>} */
const FAILING = {
  "is too short": [member("b", "12", 3), "member_size"],
  "is too long": [member("b", "1234", 3), "member_size"],
  "is empty": [member("b", "", 1), "member_size"],
  "should be empty": [member("b", "1", 0), "member_size"],
  "cannot be opened": [{ ...member("b", "1"), open: () => Promise.reject(new Error("404")) }, "member_failed"],
  "throws when it is opened": [
    {
      ...member("b", "1"),
      open: () => {
        throw new TypeError("no network");
      },
    },
    "member_failed",
  ],
  "fails on the way": [
    {
      ...member("b", "12"),
      open: async function* () {
        yield encoder.encode("1");
        throw new Error("connection lost");
      },
    },
    "member_failed",
  ],
  "is a stream that fails": [
    { ...member("b", "1"), open: () => new ReadableStream({ pull: (control) => control.error(new Error("lost")) }) },
    "member_failed",
  ],
};

exhaustiveTest("a member that fails or has another size ends the archive before its directory", async () => {
  for (const [what, [failing, code]] of Object.entries(FAILING)) {
    /** @type {Uint8Array[]} */
    const written = [];
    const read = async () => {
      for await (const chunk of new Archive([member("a", "1"), failing, member("c", "1")]).chunks(never)) {
        written.push(chunk);
      }
    };
    const error = await rejection(read());
    ok(error instanceof ZipError, `${what}: a ZipError, not ${error}`);
    equal([error.code, error.path], [code, "b"], what);
    ok(!written.some((chunk) => chunk[0] === 0x50 && chunk[2] <= 2), `${what}: no directory`);
  }
});

test("a member that stalls ends the archive", async () => {
  hurry();
  const stalled = { ...member("b", "1"), open: () => new ReadableStream({ pull: () => new Promise(() => {}) }) };
  equal((await rejection(bytesOf([stalled]))).code, "member_failed");
});

test("aborting ends the archive while a member is opened or read, and stops the member", async () => {
  const reason = new DOMException("cancelled by the user", "AbortError");
  for (const when of ["open", "read"]) {
    const control = new AbortController();
    let isStopped = false;
    const stream = new ReadableStream({
      pull: () => new Promise(() => {}),
      cancel: () => {
        isStopped = true;
      },
    });
    const open = () => (when === "open" ? new Promise(() => {}) : stream);
    const error = rejection(bytesOf([{ ...member("a", "1"), open }], control.signal));
    setTimeout(() => control.abort(reason), 1);
    equal((await error) === reason, true, when);
    if (when === "read") await until(() => isStopped);
  }
});

/** Why nobody waits for a member any more. */
const GIVEN_UP = {
  "it stalls": { abort: false, code: "member_failed" },
  "the archive is aborted": { abort: true, code: "AbortError" },
};

test("a member that opens too late is stopped", async () => {
  hurry();
  for (const [why, { abort, code }] of Object.entries(GIVEN_UP)) {
    for (const kind of ["stream", "iterator"]) {
      const control = new AbortController();
      /** @type {AbortSignal|undefined} */
      let signal;
      let isStopped = false;
      const stopped = () => {
        isStopped = true;
      };
      /** @type {any} */
      const iterator = { next: () => new Promise(() => {}), return: stopped };
      const late =
        kind === "stream" ? new ReadableStream({ cancel: stopped }) : { [Symbol.asyncIterator]: () => iterator };
      /** @type {(content: any) => void} */
      let arrive = () => {};
      const open = (/** @type {AbortSignal} */ given) => {
        signal = given;
        return new Promise((resolve) => {
          arrive = resolve;
        });
      };
      const error = rejection(bytesOf([{ ...member("a", "1"), open }], control.signal));
      await until(() => signal);
      if (abort) control.abort();
      const { code: reported, name } = await error;
      equal(abort ? name : reported, code, why);
      equal(signal?.aborted, true, `${why}: a request for it is aborted`);
      equal(isStopped, false, `${why}: there is nothing to stop yet`);
      arrive(late);
      await until(() => isStopped);
    }
  }
});

test("saving writes the archive to the chosen file and reports its progress", async () => {
  const { folder } = await useFolder();
  const members = [member("a", "x".repeat(3_000_000)), member("b", "y")];
  /** @type {[number, number][]} */
  const progress = [];
  ok(await saveZip("all.zip", members, { signal: never, onProgress: (...now) => progress.push(now) }), "it is saved");
  const file = await (await folder.getFileHandle("all.zip")).getFile();
  const { size } = new Archive(members);
  equal(file.size, size);
  const saved = new Uint8Array(await file.arrayBuffer());
  ok(
    (await bytesOf(members)).every((byte, at) => byte === saved[at]),
    "every byte of the archive",
  );
  ok(progress.length > 1, "progress while it is written");
  equal(progress.at(-1), [size, size]);
});

test("nothing is left of an archive that failed or was aborted", async () => {
  const { names } = await useFolder();
  const big = member("a", "x".repeat(3_000_000));
  const options = { signal: never };
  equal((await rejection(saveZip("all.zip", [big, member("b", "1", 2)], options))).code, "member_size");
  equal(await names(), []);
  const control = new AbortController();
  const onProgress = () => control.abort(new Error("cancelled"));
  equal((await rejection(saveZip("all.zip", [big], { signal: control.signal, onProgress }))).message, "cancelled");
  equal(await names(), []);
});

test("a disk that is full is an error of the archive", async () => {
  const full = async () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  for (const broken of ["write", "close"]) {
    const stream = { write: async () => {}, close: async () => {}, abort: full, [broken]: full };
    const handle = { createWritable: async () => stream, getFile: async () => new Blob(["kept"]) };
    Object.assign(globalThis, { showSaveFilePicker: async () => handle });
    equal((await rejection(saveZip("a.zip", [member("a", "1")], { signal: never }))).code, "not_saved", broken);
  }
});

test("closing the dialog saves nothing and is no error", async () => {
  const showSaveFilePicker = () => Promise.reject(new DOMException("closed", "AbortError"));
  Object.assign(globalThis, { showSaveFilePicker });
  const unread = { ...member("a", "1"), open: () => Promise.reject(new Error("opened")) };
  equal(await saveZip("a.zip", [unread], { signal: never }), false);
});

test("without access to files, the browser saves the archive from memory", async () => {
  Object.assign(globalThis, { showSaveFilePicker: undefined });
  /** @type {{name: string, href: string}[]} */
  const saved = [];
  HTMLAnchorElement.prototype.click = function () {
    saved.push({ name: this.download, href: this.href });
  };
  /** @type {any} */
  let blob;
  URL.createObjectURL = (object) => {
    blob = object;
    return "blob:it";
  };
  const members = [member("a", "x")];
  ok(await saveZip("all.zip", members, { signal: never }), "it is saved");
  equal(saved, [{ name: "all.zip", href: "blob:it" }]);
  equal(blob.type, "application/zip");
  equal([...new Uint8Array(await blob.arrayBuffer())], [...(await bytesOf(members))]);
});

test("without access to files, an archive above the limit is refused before anything is read", async () => {
  Object.assign(globalThis, { showSaveFilePicker: undefined });
  const unread = { ...member("a", ""), size: MEMORY_LIMIT, open: () => Promise.reject(new Error("opened")) };
  const error = await rejection(saveZip("a.zip", [unread], { signal: never }));
  equal([error.code, error.limit], ["too_large", MEMORY_LIMIT]);
});

test("a stored file is signed and requested when it is read", async () => {
  const open = download(async () => "/tests/shared/sizes.json");
  const expected = await (await fetch("/tests/shared/sizes.json")).text();
  const read = await new Response(/** @type {ReadableStream} */ (await open(never))).text();
  equal(read, expected);
  const error = await rejection(download(async () => "/missing")(never));
  equal(error.status, 404);
});
