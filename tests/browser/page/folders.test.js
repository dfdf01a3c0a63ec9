import { readFolders } from "../../../static/uploads/page/intake/folders.js";
import { makeFile, never } from "../client/support.js";
import { equal, test } from "../client/testing.js";

/**
 * A dropped folder with one file.
 * @param {(resolve: (file: File) => void, reject: (error: unknown) => void) => void} file
 */
function makeFolder(file) {
  const portions = [[{ isFile: true, isDirectory: false, name: "a.txt", fullPath: "/folder/a.txt", file }], []];
  const reader = { readEntries: /** @param {(entries: any) => void} resolve */ (resolve) => resolve(portions.shift()) };
  return /** @type {FileSystemDirectoryEntry} only what is read */ (
    /** @type {unknown} */ ({ isDirectory: true, fullPath: "/folder", createReader: () => reader })
  );
}

test("a file that cannot be read is named", async () => {
  /** @type {string[]} */
  const unreadable = [];
  const folder = makeFolder((_resolve, reject) => reject(new DOMException("", "NotReadableError")));
  await readFolders([folder], {
    signal: never,
    onFiles: () => {},
    onUnreadable: (path) => unreadable.push(path),
    onLeftOut: () => {},
  });
  equal(unreadable, ["folder/a.txt"]);
});

test("an unexpected error in the callback is not reported as an unreadable folder", async () => {
  /** @type {string[]} */
  const unreadable = [];
  const folder = makeFolder((resolve) => resolve(makeFile("a.txt")));
  const reading = readFolders([folder], {
    signal: never,
    onFiles: () => {
      throw new TypeError("a bug");
    },
    onUnreadable: (path) => unreadable.push(path),
    onLeftOut: () => {},
  });
  equal(await reading.catch((error) => error.message), "a bug");
  equal(unreadable, []);
});
