/** The upload client's public API, described in docs/uploader.md. Nothing else in this folder is for other code. */
export { Confirmations } from "./confirmations.js";
export { ApiError } from "./errors.js";
export { isNameTooLong } from "./limits.js";
export { Api } from "./net/api.js";
export { Uploader } from "./uploader.js";

/** @typedef {import("./net/api.js").UploadStatus} UploadStatus */
/** @typedef {import("./upload.js").Upload} Upload made by an Uploader only */
