/**
 * ZIP archives of stored files, made in the browser. A part of the client of its own, so that a page loads it only when
 * somebody asks for an archive. docs/uploader.md describes it.
 */
export { Archive, ZipError } from "./archive.js";
export { MEMORY_LIMIT } from "./destination.js";
export { download } from "./download.js";
export { archivePaths } from "./names.js";
export { saveZip } from "./save.js";

/** @typedef {import("./archive.js").Member} Member */
