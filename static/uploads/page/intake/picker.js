import { within } from "../../client/index.js";
import { keepHandle } from "./handles.js";

/** @import { FileHandle } from "../../client/index.js" */

/** What TypeScript does not know: only Chromium has it. @typedef {typeof globalThis & {showOpenFilePicker?: (options: {multiple: boolean}) => Promise<FileHandle[]>}} WithPicker */

/** Files that are opened at a time. */
const AT_ONCE = 100;
/** Milliseconds in which even a network drive opens some files. */
const TIMEOUT = 30_000;
/** Milliseconds in which nobody opens a dialog and closes it again. */
const INSTANT = 1_000;

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLInputElement} input
 * @param {(files: File[]) => void} onPick
 * @param {boolean} [usesPicker] whether to use the browser's picker instead of the input, if it has one
 */
export function pickWith(button, input, onPick, usesPicker = true) {
  button.addEventListener("click", async () => {
    const files = usesPicker ? await pickFiles(input.multiple) : null;
    if (files === null) input.click();
    else if (files.length > 0) onPick(files);
  });
  const pick = () => {
    onPick([...(input.files ?? [])]);
    // Otherwise choosing the same file again would not be a change.
    input.value = "";
  };
  input.addEventListener("change", pick);
  // They are disabled in the template until this script runs, but a browser or an extension may have filled them.
  if (input.files?.length) pick();
  button.disabled = false;
  input.disabled = false;
}

/**
 * Lets the user choose files so that they can be read again after a reload, if the browser can do that.
 * @param {boolean} multiple
 * @returns {Promise<File[]|null>} empty if the user chose nothing; null if another way to choose is needed, for which the
 *   user's click still counts
 */
async function pickFiles(multiple) {
  const { showOpenFilePicker } = /** @type {WithPicker} */ (globalThis);
  // On phones, only the input offers the camera.
  if (!showOpenFilePicker || !matchMedia("(pointer: fine)").matches) return null;
  const opening = watchDialog();
  try {
    return await openAll(await showOpenFilePicker({ multiple }));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return error.name === "AbortError" && opening.mayHaveOpened() ? [] : null;
  } finally {
    opening.end();
  }
}

/**
 * A picker that is refused, by a policy or by a program that controls the browser, looks like one that was closed; but
 * the page keeps the focus.
 */
function watchDialog() {
  const start = performance.now();
  const listening = new AbortController();
  let lostFocus = false;
  const onBlur = () => {
    lostFocus = true;
  };
  addEventListener("blur", onBlur, { signal: listening.signal });
  return {
    mayHaveOpened: () => lostFocus || performance.now() - start > INSTANT,
    end: () => listening.abort(),
  };
}

/**
 * @param {FileHandle[]} handles
 * @returns {Promise<File[]>} rejects with a DOMException if one cannot be opened
 */
async function openAll(handles) {
  /** @type {File[]} */
  const files = [];
  for (let start = 0; start < handles.length; start += AT_ONCE) {
    files.push(...(await Promise.all(handles.slice(start, start + AT_ONCE).map(open))));
  }
  return files;
}

/** @param {FileHandle} handle */
async function open(handle) {
  const file = await within(handle.getFile(), TIMEOUT);
  keepHandle(file, handle);
  return file;
}
