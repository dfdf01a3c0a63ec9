import { acceptFiles } from "../../../static/uploads/page/intake/dropzone.js";
import { readFolders } from "../../../static/uploads/page/intake/folders.js";
import { handleOf, keepDroppedFile } from "../../../static/uploads/page/intake/handles.js";
import { makeFile, never } from "../client/support.js";
import { equal, ok, test } from "../client/testing.js";

/** @import { PickedFile } from "../../../static/uploads/page/intake/folders.js" */

const LARGE = 6 * 1024 ** 2;

/**
 * A folder of the browser's own file system, with a large and a small file.
 * @param {string} name
 */
async function makeFolder(name) {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });
  const inner = await root.getDirectoryHandle("inner", { create: true });
  for (const size of [LARGE, 1]) {
    const writable = await (await inner.getFileHandle(`${size}.bin`, { create: true })).createWritable();
    await writable.truncate(size);
    await writable.close();
  }
  return { root, inner };
}

/**
 * @param {FileSystemDirectoryHandle} inner
 * @param {string} name of the dropped folder
 * @returns {any} what a browser gives for it
 */
function entryOf(inner, name) {
  const files = [LARGE, 1].map((size) => ({
    isFile: true,
    isDirectory: false,
    name: `${size}.bin`,
    fullPath: `/${name}/inner/${size}.bin`,
    file: /** @param {(file: File) => void} resolve */ async (resolve) =>
      resolve(await (await inner.getFileHandle(`${size}.bin`)).getFile()),
  }));
  const folder = (/** @type {string} */ fullPath, /** @type {any[]} */ entries) => {
    const portions = [entries, []];
    const readEntries = (/** @type {(entries: any) => void} */ resolve) => resolve(portions.shift());
    return { isFile: false, isDirectory: true, name: fullPath, fullPath, createReader: () => ({ readEntries }) };
  };
  return folder(`/${name}`, [folder(`/${name}/inner`, files)]);
}

/**
 * Drops items on the page.
 * @param {any[]} items
 * @returns {{files: File[], folders: FileSystemDirectoryEntry[]}}
 */
function drop(items) {
  /** @type {{files: File[], folders: FileSystemDirectoryEntry[]}} */
  let dropped = { files: [], folders: [] };
  const input = () => document.createElement("input");
  acceptFiles({
    filesButton: document.createElement("button"),
    filesInput: input(),
    folderButton: document.createElement("button"),
    folderInput: input(),
    overlay: document.createElement("div"),
    onFiles: (files, folders) => {
      dropped = { files, folders };
    },
    onPickFolder: () => {},
  });
  const event = new Event("drop");
  Object.defineProperty(event, "dataTransfer", { value: { types: ["Files"], items } });
  document.dispatchEvent(event);
  return dropped;
}

test("large files in a dropped folder have handles, small ones do not", async () => {
  const { root, inner } = await makeFolder("photos");
  const item = {
    kind: "file",
    webkitGetAsEntry: () => entryOf(inner, "photos"),
    getAsFileSystemHandle: async () => root,
  };
  /** @type {PickedFile[]} */
  const found = [];
  await readFolders(drop([item]).folders, {
    signal: never,
    onFiles: (files) => found.push(...files),
    onUnreadable: () => {},
    onLeftOut: () => {},
  });
  equal(
    found.map(({ path, handle }) => [path, handle !== undefined]),
    [
      [`photos/inner/${LARGE}.bin`, true],
      ["photos/inner/1.bin", false],
    ],
  );
  const handle = await found[0].handle?.();
  ok(handle && (await handle.isSameEntry(await inner.getFileHandle(`${LARGE}.bin`))), "it is that file's");
});

test("the handle of a dropped file is asked for during the event, and only if it is large", async () => {
  const { inner } = await makeFolder("single");
  /** @type {string[]} */
  const asked = [];
  const items = [];
  for (const size of [LARGE, 1]) {
    const handle = await inner.getFileHandle(`${size}.bin`);
    const file = await handle.getFile();
    items.push({
      kind: "file",
      getAsFile: () => file,
      getAsFileSystemHandle: async () => {
        asked.push(file.name);
        return handle;
      },
    });
  }
  const { files } = drop(items);
  equal(asked, [`${LARGE}.bin`]);
  ok(await (await handleOf(files[0])?.())?.isSameEntry(await inner.getFileHandle(asked[0])), "it is that file's");
  equal(handleOf(files[1]), undefined);
});

/** @type {[what: string, item: any][]} */
const WITHOUT = [
  ["another browser", {}],
  ["refused", { getAsFileSystemHandle: () => Promise.reject(new DOMException("", "NotAllowedError")) }],
  ["none", { getAsFileSystemHandle: async () => null }],
  ["a folder", { getAsFileSystemHandle: () => navigator.storage.getDirectory() }],
];

test("a file without a handle is taken all the same", async () => {
  for (const [what, item] of WITHOUT) {
    const file = makeFile("a.bin", "x".repeat(LARGE));
    keepDroppedFile(item, file);
    equal(await handleOf(file)?.(), null, what);
  }
});
