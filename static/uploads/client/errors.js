/** The connection failed, so it is unknown whether the request arrived. */
export class ConnectionLost extends Error {}

/** Nothing was heard for longer than the bytes in flight can take, even on a slow connection. */
export class Stalled extends ConnectionLost {}

/** The file was moved, changed, locked or removed after it was chosen. */
export class Unreadable extends Error {}

/** The bytes were damaged on the way, on every attempt. */
export class Corrupted extends Error {}

/**
 * What helps after an error of storage. `sign again`: the signature or its credentials are no longer valid; `read
 * again`: the bytes were damaged on the way, and nothing was kept; `wait`: the same request may succeed later;
 * `arrived`: an earlier attempt has succeeded; `sign in`: the session has ended; `begin again`: storage does not know the multipart upload (any more);
 * `give up`: repeating it is pointless.
 * @typedef {"sign again"|"read again"|"wait"|"sign in"|"arrived"|"begin again"|"give up"} Remedy
 */

/**
 * By S3's code, because the same status means different things: 400 is used for bytes that were damaged, for credentials
 * that were rotated and for a request that was too slow.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
 * @type {Record<string, Remedy>}
 */
const REMEDIES = {
  ExpiredToken: "sign again",
  InvalidToken: "sign again",
  TokenRefreshRequired: "sign again",
  InvalidAccessKeyId: "sign again",
  RequestExpired: "sign again",
  RequestTimeTooSkewed: "sign again",
  BadDigest: "read again",
  XAmzContentChecksumMismatch: "read again",
  XAmzContentSHA256Mismatch: "read again",
  InvalidDigest: "read again",
  IncompleteBody: "read again",
  SlowDown: "wait",
  InternalError: "wait",
  ServiceUnavailable: "wait",
  RequestTimeout: "wait",
  RequestTimeoutException: "wait",
  Throttling: "wait",
  ThrottlingException: "wait",
  RequestThrottled: "wait",
  RequestLimitExceeded: "wait",
  BandwidthLimitExceeded: "wait",
  TooManyRequests: "wait",
  "KMS.ThrottlingException": "wait",
  // Two identical requests reached storage at the same time. The next attempt shows which one won.
  OperationAborted: "wait",
  ConditionalRequestConflict: "wait",
  PreconditionFailed: "arrived",
  NoSuchUpload: "begin again",
  AccessDenied: "give up",
  SignatureDoesNotMatch: "give up",
  EntityTooLarge: "give up",
  NoSuchBucket: "give up",
  NotImplemented: "give up",
};

/** Problem codes of errors of storage that have one of their own. @type {Record<string, string>} */
const PROBLEMS = { EntityTooLarge: "file_too_large" };

/** Storage responded with an error. */
export class StorageError extends Error {
  /**
   * @param {number} status
   * @param {string} body S3's XML, or the response of a proxy
   */
  constructor(status, body) {
    super(`storage responded with ${status}`);
    this.status = status;
    this.code = /<Code>([^<]*)<\/Code>/.exec(body)?.[1] ?? "";
    /** @type {Remedy} */
    this.remedy = remedyFor(status, this.code, body);
  }
}

/**
 * @param {number} status
 * @param {string} code
 * @param {string} body
 * @returns {Remedy}
 */
function remedyFor(status, code, body) {
  // S3 reports an expired signature as AccessDenied, and says so only in the message.
  if (["", "AccessDenied"].includes(code) && [400, 403].includes(status) && /expired/i.test(body)) return "sign again";
  if (Object.hasOwn(REMEDIES, code)) return REMEDIES[code];
  // A code that is not listed, or the response of something between the browser and S3.
  if (status === 412) return "arrived";
  return isTemporaryStatus(status) ? "wait" : "give up";
}

/** @param {number} status */
function isTemporaryStatus(status) {
  return status === 0 || status >= 500 || [408, 409, 425, 429].includes(status);
}

/** filehub refused the request, or could not be reached (`status` 0). */
export class ApiError extends Error {
  /**
   * @param {number} status the HTTP status; 0 when there was no response
   * @param {string} code the server's error code; "network" when there was no response, "unsupported" if the browser
   *   cannot ask for one
   * @param {string} message the server's error message; may be empty
   * @param {number|null} [retryAfter] seconds, from the header Retry-After
   */
  constructor(status, code, message, retryAfter = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/**
 * @param {unknown} error
 * @returns {string} the error code of the server or of S3; empty for any other error
 */
export function codeOf(error) {
  return error instanceof ApiError || error instanceof StorageError ? error.code : "";
}

/**
 * @param {unknown} error
 * @returns {Remedy}
 */
export function remedyOf(error) {
  if (error instanceof ConnectionLost) return "wait";
  if (error instanceof StorageError) return error.remedy;
  if (!(error instanceof ApiError)) return "give up";
  if (isSignedOut(error)) return "sign in";
  if (error.code === "unsupported") return "give up";
  // The server's 409 is a decision, such as `upload_completed`.
  return error.status !== 409 && isTemporaryStatus(error.status) ? "wait" : "give up";
}

/**
 * Whether the session has ended, or its CSRF token is no longer valid, because the user signed in again elsewhere.
 * @param {unknown} error
 */
export function isSignedOut(error) {
  return error instanceof ApiError && (error.status === 401 || error.code === "csrf_failed");
}

/**
 * Whether storage or the server does not know this multipart upload (any more).
 * @param {unknown} error
 */
export function isUnknownUpload(error) {
  return remedyOf(error) === "begin again" || (error instanceof ApiError && error.status === 404);
}

/**
 * Whether a server responded, even if it refused the request.
 * @param {unknown} error
 */
export function isResponse(error) {
  return (error instanceof StorageError || error instanceof ApiError) && error.status > 0;
}

/**
 * Why an upload failed, as a problem code of docs/uploader.md.
 * @param {unknown} error
 * @returns {{code: string, message?: string, retryable: boolean}} `retryable`: another attempt may succeed
 */
export function problemOf(error) {
  if (error instanceof Corrupted) return { code: "changed", retryable: true };
  if (error instanceof ConnectionLost) return { code: "connection_lost", retryable: true };
  if (error instanceof Unreadable) return { code: "unreadable", retryable: true };
  if (error instanceof StorageError) return { code: PROBLEMS[error.code] ?? "storage_refused", retryable: true };
  if (!(error instanceof ApiError)) return { code: "unexpected", retryable: true };
  if (error.status === 401) return { code: "session_ended", retryable: true };
  // A 4xx is about the request itself, so repeating it is pointless, with these exceptions. Deleting files frees quota.
  const retryable =
    error.status < 400 ||
    error.status >= 500 ||
    [403, 408, 409, 429].includes(error.status) ||
    error.code === "quota_exceeded";
  return { code: error.code || "internal_error", message: error.message || undefined, retryable };
}
