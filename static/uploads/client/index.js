/** The upload client's public API, described in docs/uploader.md. Everything else in this folder is internal. */
export { Confirmations } from "./confirmations.js";
export { ApiError, isSignedOut } from "./errors.js";
export { Api } from "./net/api.js";
export { ChangesApi, persistently } from "./net/changes-api.js";
export { FilesApi } from "./net/files-api.js";
export { mayGoInParts } from "./net/plan.js";
export { HandleError } from "./resume/handles.js";
export { forgetNames } from "./resume/journal.js";
export { Uploader } from "./uploader.js";
export { timeoutSignal, within } from "./waiting.js";

/** @typedef {import("./limits.js").Limits} Limits */
/** @typedef {import("./net/api.js").About} About */
/** @typedef {import("./net/api.js").Site} Site */
/** @typedef {import("./net/api.js").PreviewSource} PreviewSource */
/** @typedef {import("./net/api.js").UploadStatus} UploadStatus */
/** @typedef {import("./resume/handles.js").FileHandle} FileHandle */
/** @typedef {import("./resume/handles.js").HandleSource} HandleSource */
/** @typedef {import("./resume/unfinished.js").Unfinished} Unfinished */
/** @typedef {import("./resume/unfinished.js").UnfinishedUpload} UnfinishedUpload */
/** @typedef {import("./upload.js").Upload} Upload created by an Uploader only */
