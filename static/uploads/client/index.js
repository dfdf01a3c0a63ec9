/** The upload client's public API, described in docs/uploader.md. Everything else in this folder is internal. */
export { Confirmations } from "./confirmations.js";
export { ApiError, isSignedOut } from "./errors.js";
export { Api } from "./net/api.js";
export { Uploader } from "./uploader.js";
export { within } from "./waiting.js";

/** @typedef {import("./net/api.js").UploadStatus} UploadStatus */
/** @typedef {import("./upload.js").Upload} Upload created by an Uploader only */
