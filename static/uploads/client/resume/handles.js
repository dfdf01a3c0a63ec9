import { within } from "../waiting.js";

/**
 * A handle of the File System Access API, by which a page can read a file again after a reload. TypeScript does not
 * know its permissions, which only Chromium has.
 * @typedef {FileSystemFileHandle & {requestPermission?: (options: {mode: "read"}) => Promise<PermissionState>}} FileHandle
 */

/** @typedef {() => Promise<FileHandle|null>} HandleSource */

/** @typedef {"permission_denied"|"file_missing"|"file_unreadable"} HandleProblem */

/** Milliseconds in which a browser finds a file's handle. Without an answer, the file has to be chosen again. */
const HANDLE_TIMEOUT = 2_000;
/** Milliseconds in which even a disk that sleeps, or a network drive, opens a file. */
const FILE_TIMEOUT = 30_000;

/** A file cannot be read by its handle. */
export class HandleError extends Error {
  /**
   * @param {HandleProblem} code
   * @param {unknown} [cause]
   */
  constructor(code, cause) {
    super(code, { cause });
    this.name = "HandleError";
    this.code = code;
  }
}

/**
 * @param {HandleSource} [source]
 * @returns {Promise<FileHandle|null>} never rejects
 */
export async function handleFrom(source) {
  if (!source) return null;
  try {
    return await within(source(), HANDLE_TIMEOUT);
  } catch {
    return null;
  }
}

/**
 * Reads a file that was chosen on an earlier visit. Must be called by a click, because the browser asks the user.
 * @param {FileHandle} handle
 * @returns {Promise<File>} rejects with a HandleError
 */
export async function openFile(handle) {
  // How long the user takes to answer is up to them.
  const permission = await handle.requestPermission?.({ mode: "read" }).catch(() => "denied");
  if (permission !== undefined && permission !== "granted") throw new HandleError("permission_denied");
  try {
    return await within(handle.getFile(), FILE_TIMEOUT);
  } catch (error) {
    throw new HandleError(problemOf(error), error);
  }
}

/**
 * @param {unknown} error of getFile
 * @returns {HandleProblem}
 */
function problemOf(error) {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotFoundError") return "file_missing";
  return name === "NotAllowedError" ? "permission_denied" : "file_unreadable";
}
