import { byId, find } from "../../../static/uploads/page/ui/elements.js";
import { until } from "../client/support.js";
import { equal, exhaustiveTest, ok, test } from "../client/testing.js";
import { FOLDER, makeActions, makeServer, sentence } from "./action-harness.js";

/** @typedef {import("./fake-server.js").FakeServer} FakeServer */

/** The archive that the browser was asked to save. @type {Blob|null} */
let saved = null;

/**
 * A browser that cannot write to files, and storage with a content for each file.
 * @param {FakeServer} server
 */
function useMemory(server) {
  saved = null;
  Object.assign(globalThis, { showSaveFilePicker: undefined });
  Reflect.deleteProperty(globalThis, "showSaveFilePicker");
  URL.createObjectURL = (blob) => {
    saved = /** @type {Blob} */ (blob);
    return "#";
  };
  serveContents(server);
}

/**
 * The addresses are signed by the API, and end in the id of the file, which is its content too.
 * @param {FakeServer} server
 */
function serveContents(server) {
  const { fetch } = globalThis;
  globalThis.fetch = async (request, init) => {
    const url = String(request instanceof Request ? request.url : request);
    const id = /\/files\/([^/]+)\/download$/.exec(url)?.[1];
    const isStored = (/** @type {string} */ name) => server.files.get(name)?.state === "stored";
    if (id) {
      server.log.push({ method: "GET", path: `sign ${id}`, body: null });
      const fault = server.faults.find(({ path }) => path === `sign ${id}`);
      if (fault) {
        server.faults.splice(server.faults.indexOf(fault), 1);
        return new Response("{}", { status: /** @type {number} */ (fault.fault) });
      }
      if (!isStored(id)) return new Response('{"error": "x", "code": "file_not_found"}', { status: 404 });
      return new Response(JSON.stringify({ url: `https://storage.test/${id}`, expires_at: "" }));
    }
    if (!url.startsWith("https://storage.test/")) return await fetch(request, init);
    const name = url.slice("https://storage.test/".length);
    server.log.push({ method: "GET", path: `read ${name}`, body: null });
    if (server.faults.some(({ path }) => path === `read ${name}`)) throw new TypeError("connection closed");
    return new Response(name);
  };
}

/** @returns {Promise<string>} the paths in the archive, each with its content, which is one character */
async function archive() {
  if (!saved) return "";
  const bytes = new Uint8Array(await saved.arrayBuffer());
  const view = new DataView(bytes.buffer);
  const text = (/** @type {number} */ start, /** @type {number} */ length) =>
    new TextDecoder().decode(bytes.subarray(start, start + length));
  const found = [];
  // Local headers; https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7
  for (let at = 0; text(at, 2) === "PK"; at += 1) {
    if (view.getUint32(at, true) !== 0x04034b50) break;
    const [name, extra] = [view.getUint16(at + 26, true), view.getUint16(at + 28, true)];
    const content = at + 30 + name + extra;
    found.push(`${text(at + 30, name)}=${text(content, 1)}`);
    at = content + 1;
    while (text(at, 2) !== "PK" || view.getUint32(at, true) === 0x08074b50) at += 1;
    at -= 1;
  }
  return found.join(" ");
}

const panel = () => byId("archive-panel");

test("files and folders with everything inside are in the archive, each signed just before it is read", async () => {
  const server = makeServer();
  const { actions, items } = await makeActions(server);
  useMemory(server);
  await actions.downloadZip(items("a", FOLDER));
  equal(await archive(), "Photos/p.txt=p Photos/2024/q.txt=q a.txt=a");
  equal(sentence(), "“filehub.zip” was saved.");
  equal([panel().hidden, actions.busy], [true, false]);
  const order = server.log.map(({ path }) => path).filter((path) => /^(sign|read)/.test(path));
  equal(order, ["sign p", "read p", "sign q", "read q", "sign a", "read a"]);
});

exhaustiveTest("the archive is named after the one item, or the open folder", async () => {
  /** @type {[folder: string, keys: string[], name: string][]} */
  const cases = [
    ["", [FOLDER], "Photos.zip"],
    ["", ["a"], "a.txt.zip"],
    ["", ["a", "b"], "filehub.zip"],
    ["Photos", ["p", "folder:Photos/2024"], "Photos.zip"],
  ];
  for (const [folder, keys, name] of cases) {
    const server = makeServer();
    const { actions, items } = await makeActions(server, { folder });
    useMemory(server);
    await actions.downloadZip(items(...keys));
    equal(sentence(), `“${name}” was saved.`);
  }
});

test("names with slashes make no folders in the archive", async () => {
  const server = makeServer();
  server.store("s", { file_name: "x/y.txt" });
  const { actions, items } = await makeActions(server);
  useMemory(server);
  await actions.downloadZip(items("s", "a"));
  equal(await archive(), "a.txt=a x_y.txt=s");
});

/**
 * What goes wrong, what is said, and what the page is told.
 * @type {[what: string, prepare: (server: FakeServer) => void, said: string, calls: string][]}
 */
const FAILURES = [
  [
    "a file is deleted meanwhile",
    (server) => server.files.delete("b"),
    "“b.txt” was deleted or moved to the trash in the meantime, so no archive was saved.",
    "",
  ],
  [
    "storage breaks off",
    (server) => server.faults.push({ path: "read b", fault: "lost" }),
    "“b.txt” could not be downloaded, so no archive was saved. Try again.",
    "",
  ],
  [
    "a file has another size",
    (server) => server.files.get("b"),
    "“b.txt” did not arrive completely, so no archive was saved. Try again.",
    "",
  ],
  [
    "the session ends",
    (server) => server.faults.push({ path: "sign b", fault: 401 }),
    "“b.txt” could not be downloaded, so no archive was saved. Try again.",
    "session ended",
  ],
  [
    "too much for the memory",
    () => {},
    "This browser can make archives of up to 1 GB. Select fewer files, or use Chrome or Edge on a computer.",
    "",
  ],
  [
    "the list of a folder fails",
    (server) =>
      server.faults.push(...[1, 2, 3].map(() => ({ path: "/folders", fault: /** @type {const} */ ("lost") }))),
    "The archive could not be made. The server cannot be reached. Check your connection and try again.",
    "",
  ],
  [
    "the folder is deleted",
    (server) => server.folders.clear(),
    "The archive could not be made. This folder no longer exists. It was deleted, renamed or moved in the meantime.",
    "",
  ],
];

test("a file or folder that fails ends the archive with a sentence, and nothing is saved", async () => {
  for (const [what, prepare, said, calls] of FAILURES) {
    const server = makeServer();
    if (what.includes("size")) server.store("b", { size: 2 });
    if (what.includes("memory")) server.store("b", { size: 1_000_000_000 });
    const made = await makeActions(server);
    const isFolder = what.includes("folder");
    useMemory(server);
    const chosen = made.items(...(isFolder ? [FOLDER] : ["a", "b"]));
    prepare(server);
    await made.actions.downloadZip(chosen);
    equal(sentence().replaceAll("\u00a0", " "), said, what);
    equal([made.calls.join(), saved, panel().hidden, made.actions.busy], [calls, null, true, false], what);
  }
});

test("nothing is read if the archive would not fit", async () => {
  const server = makeServer();
  server.store("b", { size: 1_000_000_000 });
  const { actions, items } = await makeActions(server);
  useMemory(server);
  await actions.downloadZip(items("a", "b"));
  equal(
    server.log.filter(({ path }) => /^(sign|read)/.test(path)),
    [],
  );
});

test("a moment without connection or server does not end the archive", async () => {
  const server = makeServer();
  const { actions, items } = await makeActions(server);
  useMemory(server);
  server.faults = [
    { path: "sign a", fault: 503 },
    { path: "sign a", fault: 502 },
  ];
  await actions.downloadZip(items("a", "b"));
  equal(await archive(), "a.txt=a b.txt=b");
});

test("an empty folder makes no archive", async () => {
  const server = makeServer();
  server.folders.add("Nothing");
  const { actions, items } = await makeActions(server);
  useMemory(server);
  await actions.downloadZip(items("folder:Nothing"));
  equal([sentence(), saved], ["There are no files in this selection, so there is no archive to make.", null]);
});

exhaustiveTest("Cancel ends it at once, a second archive has to wait, and both say so", async () => {
  const server = makeServer();
  const { actions, items } = await makeActions(server);
  useMemory(server);
  const { fetch } = globalThis;
  let isReading = false;
  globalThis.fetch = async (request, init) => {
    if (!String(request).startsWith("https://storage.test/a")) return await fetch(request, init);
    isReading = true;
    return new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
  };
  const making = actions.downloadZip(items("a", "b"));
  await until(() => isReading);
  equal(
    [panel().hidden, find(panel(), "[data-field=title]").textContent, actions.busy],
    [false, "Making “filehub.zip”", true],
  );
  await actions.downloadZip(items("b", "c"));
  equal(sentence(), "An archive is being made already. Wait until it is finished, or cancel it.");
  find(panel(), "[data-cancel]").click();
  await making;
  equal([sentence(), saved, panel().hidden, actions.busy], ["Cancelled. No archive was saved.", null, true, false]);
});

test("a browser that has forgotten the click is asked again before it may choose where to save", async () => {
  const server = makeServer();
  const { actions, items } = await makeActions(server);
  useMemory(server);
  const folder = await navigator.storage.getDirectory();
  let asked = 0;
  Object.assign(globalThis, {
    showSaveFilePicker: (/** @type {any} */ { suggestedName }) => {
      asked += 1;
      return folder.getFileHandle(suggestedName, { create: true });
    },
  });
  Object.defineProperty(navigator, "userActivation", { value: { isActive: false }, configurable: true });
  const making = actions.downloadZip(items(FOLDER));
  const save = find(panel(), "[data-save]");
  await until(() => !save.hidden);
  equal(
    [asked, find(panel(), "[data-field=title]").textContent?.replaceAll("\u00a0", " ")],
    [0, "“Photos.zip” is ready to be saved: 2 files, 2 bytes."],
  );
  ok(document.activeElement === save, "the button has the focus");
  save.click();
  await making;
  const file = await (await folder.getFileHandle("Photos.zip")).getFile();
  equal([asked, sentence(), file.size > 0], [1, "“Photos.zip” was saved.", true]);
});

test("closing the dialog for the place of the archive is no failure", async () => {
  const server = makeServer();
  const { actions, items } = await makeActions(server);
  useMemory(server);
  Object.defineProperty(navigator, "userActivation", { value: { isActive: true }, configurable: true });
  Object.assign(globalThis, { showSaveFilePicker: () => Promise.reject(new DOMException("", "AbortError")) });
  await actions.downloadZip(items("a", "b"));
  equal([sentence(), panel().hidden, actions.busy], ["", true, false]);
});
