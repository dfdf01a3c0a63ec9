import { handleOf } from "../../../static/uploads/page/intake/handles.js";
import { pickWith } from "../../../static/uploads/page/intake/picker.js";
import { delay, until } from "../client/support.js";
import { equal, test } from "../client/testing.js";

const MIB = 1024 ** 2;

/**
 * Clicks a button that lets the user choose files.
 * @param {() => Promise<any>} picker the browser's
 */
async function click(picker, usesPicker = true) {
  const button = document.createElement("button");
  const input = document.createElement("input");
  input.type = "file";
  /** @type {File[]} */
  const picked = [];
  let inputs = 0;
  let ended = false;
  input.click = () => {
    inputs += 1;
  };
  Object.assign(globalThis, {
    showOpenFilePicker: async () => {
      try {
        return await picker();
      } finally {
        ended = true;
      }
    },
  });
  pickWith(button, input, (files) => picked.push(...files), usesPicker);
  button.click();
  if (usesPicker) await until(() => ended);
  await delay(50);
  return { picked, inputs, ended };
}

/** @param {number} size bytes */
async function makeHandle(size) {
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle(`${size}.bin`, { create: true });
  const writable = await handle.createWritable();
  await writable.truncate(size);
  await writable.close();
  return handle;
}

test("files that are picked keep their handles if they may go in parts", async () => {
  const handles = [await makeHandle(6 * MIB), await makeHandle(5 * MIB)];
  const { picked, inputs } = await click(async () => handles);
  equal([picked.map(({ size }) => size), inputs], [[6 * MIB, 5 * MIB], 0]);
  equal(await handleOf(picked[0])?.(), handles[0]);
  equal(handleOf(picked[1]), undefined);
});

/** @param {string} name */
const fail = (name) => () => Promise.reject(new DOMException("", name));

/** @type {[what: string, picker: () => Promise<any>, inputs: number][]} */
const REFUSALS = [
  ["forbidden by a policy", fail("SecurityError"), 1],
  ["not supported", fail("NotAllowedError"), 1],
  ["ended by the program that controls the browser", fail("AbortError"), 1],
  ["closed by the user", closed, 0],
  ["a file that cannot be opened", async () => [{ getFile: fail("NotReadableError") }], 1],
];

/** A dialog takes the focus from the page. */
async function closed() {
  dispatchEvent(new FocusEvent("blur"));
  throw new DOMException("", "AbortError");
}

test("where the picker is refused, the input is used", async () => {
  for (const [what, picker, expected] of REFUSALS) {
    const { picked, inputs } = await click(picker);
    equal([picked, inputs], [[], expected], what);
  }
});

test("folders are never chosen with the picker", async () => {
  const { inputs, ended } = await click(async () => [], false);
  equal([inputs, ended], [1, false]);
});

test("a phone uses the input, because only that offers the camera", async () => {
  const match = matchMedia;
  globalThis.matchMedia = (query) => Object.defineProperty(match(query), "matches", { value: false });
  let opened = false;
  const button = document.createElement("button");
  const input = document.createElement("input");
  input.click = () => {
    opened = true;
  };
  pickWith(button, input, () => {});
  button.click();
  await until(() => opened);
});
