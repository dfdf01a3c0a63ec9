/** @import { About } from "../index.js" */

/**
 * What is used of Uppy's files: https://uppy.io/docs/uppy/#working-with-uppy-files
 * @typedef {object} UppyFile
 * @property {string} id
 * @property {string} name
 * @property {string} [type]
 * @property {number|null} [size] bytes
 * @property {Blob|{size: number|null}|null} [data] without content if the file is remote or a ghost
 * @property {{name?: unknown, relativePath?: unknown, tags?: unknown, context?: unknown, destination?: unknown}} [meta]
 * @property {boolean} [isRemote] the file is in another service, and Uppy's Companion would send it
 * @property {boolean} [isGhost] Golden Retriever knows the file from an earlier visit, but not its content
 * @property {boolean} [isRestored]
 * @property {boolean} [isPaused]
 * @property {string|null} [error]
 * @property {{uploadStarted?: number|null, uploadComplete?: boolean}} progress
 */

/**
 * @param {UppyFile} file
 * @returns {string} `photos/2026/a.jpg`: the folder in which Uppy found it, and its name, which the user may have edited
 */
export function pathOf({ name, meta = {} }) {
  const chosen = typeof meta.name === "string" && meta.name ? meta.name : name;
  const found = typeof meta.relativePath === "string" ? meta.relativePath.replace(/^\/+/, "") : "";
  return found.slice(0, found.lastIndexOf("/") + 1) + chosen;
}

/**
 * @param {UppyFile} file
 * @returns {About} from its metadata, in which fields of forms are text. What is invalid is for the server to refuse.
 */
export function aboutOf({ meta = {} }) {
  const { tags, context, destination } = meta;
  return {
    ...(isMissing(tags) ? {} : { tags: /** @type {string[]} */ (typeof tags === "string" ? splitTags(tags) : tags) }),
    ...(isMissing(context) ? {} : { context: typeof context === "string" ? parsed(context) : context }),
    ...(isMissing(destination) ? {} : { destination: String(destination) }),
  };
}

/** @param {unknown} value */
function isMissing(value) {
  return value === undefined || value === null || value === "";
}

/** @param {string} text `a, b` */
function splitTags(text) {
  return text
    .split(",")
    .map((tag) => tag.trim())
    .filter(Boolean);
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * @param {UppyFile} file
 * @returns {File|null} its content with the type that Uppy has found out; null if there is none
 */
export function contentOf({ data, name, type = "" }) {
  if (!(data instanceof Blob)) return null;
  if (data instanceof File && (data.type === type || !type)) return data;
  // The same time on every visit, because it is a part of what identifies the file when an upload resumes.
  const lastModified = data instanceof File ? data.lastModified : 0;
  return new File([data], name, { type: type || data.type, lastModified });
}

/**
 * @param {UppyFile} file
 * @returns {"remote"|"ghost"|null} why it cannot be sent
 */
export function obstacleOf(file) {
  if (file.isRemote) return "remote";
  return file.isGhost || !(file.data instanceof Blob) ? "ghost" : null;
}
