import {
  ApiError,
  ConnectionLost,
  Corrupted,
  problemOf,
  remedyOf,
  Stalled,
  StorageError,
  Unreadable,
} from "../../../static/uploads/client/errors.js";
import { equal, test } from "./testing.js";

/** @param {string} code */
function xml(code, message = "") {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}

/** @type {[status: number, body: string, remedy: string][]} */
const RESPONSES = [
  // The same status, different things.
  [400, xml("ExpiredToken", "The provided token has expired."), "sign again"],
  [400, xml("BadDigest"), "read again"],
  [400, xml("RequestTimeout"), "wait"],
  [400, xml("EntityTooLarge"), "give up"],
  [400, xml("InvalidToken"), "sign again"],
  [400, xml("TokenRefreshRequired"), "sign again"],
  [400, xml("XAmzContentChecksumMismatch"), "read again"],
  [400, xml("XAmzContentSHA256Mismatch"), "read again"],
  [400, xml("IncompleteBody"), "read again"],
  [400, xml("InvalidDigest"), "read again"],
  [400, xml("InvalidRequest"), "give up"],
  [400, xml("KMS.ThrottlingException"), "wait"],
  [403, xml("AccessDenied", "Request has expired"), "sign again"],
  [403, xml("AccessDenied", "Access Denied"), "give up"],
  [403, xml("RequestTimeTooSkewed"), "sign again"],
  [403, xml("InvalidAccessKeyId"), "sign again"],
  [403, xml("ExpiredToken"), "sign again"],
  [403, xml("SignatureDoesNotMatch", "The key has expired? No."), "give up"],
  [404, xml("NoSuchUpload"), "begin again"],
  [404, xml("NoSuchBucket"), "give up"],
  [409, xml("ConditionalRequestConflict"), "wait"],
  [409, xml("OperationAborted"), "wait"],
  [412, xml("PreconditionFailed"), "arrived"],
  [500, xml("InternalError"), "wait"],
  [503, xml("SlowDown"), "wait"],
  [503, xml("ServiceUnavailable"), "wait"],
  // A code that S3 sends with a status that is usually final.
  [200, xml("InternalError"), "wait"],
  [400, xml("SlowDown"), "wait"],
  // What stands between the browser and S3 sends no code.
  [400, "<html>Bad Request</html>", "give up"],
  [403, "<html>Blocked</html>", "give up"],
  [407, "", "give up"],
  [408, "", "wait"],
  [412, "", "arrived"],
  [413, "<html>Request Entity Too Large</html>", "give up"],
  [425, "", "wait"],
  [429, "Too Many Requests", "wait"],
  [502, "<html>Bad Gateway</html>", "wait"],
  [504, "", "wait"],
  // Unknown codes follow the status, and names of JavaScript are no codes.
  [400, xml("SomethingNew"), "give up"],
  [503, xml("SomethingNew"), "wait"],
  [400, xml("constructor"), "give up"],
  [400, xml("toString"), "give up"],
];

test("an error of storage is treated by its code", () => {
  for (const [status, body, expected] of RESPONSES) {
    equal(remedyOf(new StorageError(status, body)), expected, `${status} ${body}`);
  }
});

/** @type {[status: number, code: string, remedy: string][]} */
const REFUSALS = [
  [401, "not_authenticated", "sign in"],
  [401, "session_ended", "sign in"],
  [401, "", "sign in"],
  [403, "csrf_failed", "sign in"],
  [403, "forbidden", "give up"],
  [403, "", "give up"],
  [429, "rate_limited", "wait"],
  [409, "upload_completed", "give up"],
  [0, "network", "wait"],
];

test("a refusal for want of a session needs a new sign-in", () => {
  for (const [status, code, remedy] of REFUSALS) {
    equal(remedyOf(new ApiError(status, code, "")), remedy, `${status} ${code}`);
  }
});

/** @type {[error: Error, code: string][]} */
const PROBLEMS = [
  [new StorageError(400, xml("EntityTooLarge")), "file_too_large"],
  [new StorageError(403, xml("AccessDenied")), "storage_refused"],
  [new ConnectionLost(), "connection_lost"],
  [new Stalled(), "connection_lost"],
  [new Corrupted(), "changed"],
  [new Unreadable(), "unreadable"],
  // A class says nothing about the cause.
  [new DOMException("", "SecurityError"), "unexpected"],
  [new DOMException("", "NotReadableError"), "unexpected"],
  [new TypeError("AbortSignal.any is not a function"), "unexpected"],
  [new ReferenceError("Worker is not defined"), "unexpected"],
  [new ApiError(0, "network", ""), "network"],
  [new ApiError(400, "invalid_name", ""), "invalid_name"],
  [new ApiError(401, "not_authenticated", ""), "session_ended"],
  [new ApiError(502, "", ""), "internal_error"],
];

test("a problem says what happened", () => {
  for (const [error, expected] of PROBLEMS) equal(problemOf(error).code, expected, String(error));
});
