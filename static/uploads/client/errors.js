/** The connection failed, so it is unknown whether the request arrived. */
export class ConnectionLost extends Error {}

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
    this.expired = status === 403 && /expired/i.test(body);
  }
}

/** filehub refused the request, or could not be reached (`status` 0). */
export class ApiError extends Error {
  /**
   * @param {number} status the HTTP status; 0 when there was no response
   * @param {string} code the server's error code; "network" when there was no response
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

/** The bytes were damaged on the way, on every attempt. */
export class Corrupted extends Error {}

/**
 * @param {unknown} error
 * @returns {string} the error code of the server or of S3; empty for any other error
 */
export function codeOf(error) {
  return error instanceof ApiError || error instanceof StorageError ? error.code : "";
}

/**
 * Whether the bytes were damaged on the way or did not arrive in full. S3 kept nothing.
 * @param {unknown} error
 */
export function isCorrupted(error) {
  return (
    error instanceof StorageError &&
    error.status === 400 &&
    [
      "BadDigest",
      "XAmzContentChecksumMismatch",
      "XAmzContentSHA256Mismatch",
      "InvalidDigest",
      "IncompleteBody",
    ].includes(error.code)
  );
}

/**
 * Whether the same request may succeed a little later.
 * @param {unknown} error
 */
export function isTemporary(error) {
  if (error instanceof ConnectionLost) return true;
  // Two identical requests reached storage at the same time. The next attempt shows which one won.
  if (error instanceof StorageError && error.status === 409) return true;
  if (error instanceof StorageError || error instanceof ApiError) {
    return (
      error.status === 0 || error.status >= 500 || [408, 429].includes(error.status) || error.code === "RequestTimeout"
    );
  }
  return false;
}

/**
 * Why an upload failed, as a problem code of docs/uploader.md.
 * @param {unknown} error
 * @returns {{code: string, message?: string, retryable: boolean}} `retryable`: another attempt may succeed
 */
export function problemOf(error) {
  if (error instanceof Corrupted) return { code: "changed", retryable: true };
  if (error instanceof ConnectionLost) return { code: "connection_lost", retryable: true };
  if (error instanceof StorageError) return { code: "storage_refused", retryable: true };
  // The file was moved, changed or locked after it was chosen.
  if (error instanceof DOMException) return { code: "unreadable", retryable: true };
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
