/** The connection failed, so nobody knows whether the other side has what was sent. */
export class ConnectionLost extends Error {}

/** Storage answered, and not with success. */
export class StorageError extends Error {
  /**
   * @param {number} status
   * @param {string} body S3's XML, or whatever a proxy says
   */
  constructor(status, body) {
    super(`storage answered ${status}`);
    this.status = status;
    this.code = /<Code>([^<]*)<\/Code>/.exec(body)?.[1] ?? "";
    this.expired = status === 403 && /expired/i.test(body);
  }
}

/** filehub refused, or could not be reached (`status` 0). */
export class ApiError extends Error {
  /**
   * @param {number} status the HTTP status; 0 when there was no answer
   * @param {string} code the server's slug; "network" when there was no answer
   * @param {string} message the server's own sentence; empty when it gave none
   * @param {number|null} [retryAfter] seconds the server asks us to wait
   */
  constructor(status, code, message, retryAfter = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** What was sent arrived as something else, again and again. */
export class Corrupted extends Error {}

/**
 * @param {unknown} error
 * @returns {string} the slug of the server, or the code of S3; empty for any other error
 */
export function codeOf(error) {
  return error instanceof ApiError || error instanceof StorageError ? error.code : "";
}

/**
 * What arrived was not what was sent (or had not arrived in full): S3 kept nothing of it.
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
 * The network or the other side has trouble just now: the same request may succeed a little later.
 * @param {unknown} error
 */
export function isTemporary(error) {
  if (error instanceof ConnectionLost) return true;
  // Two of the same request met in storage: the next try finds out which of them won.
  if (error instanceof StorageError && error.status === 409) return true;
  if (error instanceof StorageError || error instanceof ApiError) {
    return (
      error.status === 0 || error.status >= 500 || [408, 429].includes(error.status) || error.code === "RequestTimeout"
    );
  }
  return false;
}

/**
 * Why an upload cannot go on, in the words of docs/uploader.md.
 * @param {unknown} error
 * @returns {{code: string, message?: string, curable: boolean}} `curable`: another try may help
 */
export function problemOf(error) {
  if (error instanceof Corrupted) return { code: "changed", curable: true };
  if (error instanceof ConnectionLost) return { code: "connection_lost", curable: true };
  if (error instanceof StorageError) return { code: "storage_refused", curable: true };
  // The file was moved, changed or locked after it had been chosen.
  if (error instanceof DOMException) return { code: "unreadable", curable: true };
  if (!(error instanceof ApiError)) return { code: "unexpected", curable: true };
  if (error.status === 401) return { code: "session_ended", curable: true };
  // A 4xx is about the request itself, and sending it again changes nothing; with these exceptions. Room is made by
  // deleting something.
  const curable =
    error.status < 400 ||
    error.status >= 500 ||
    [403, 408, 409, 429].includes(error.status) ||
    error.code === "quota_exceeded";
  return { code: error.code || "internal_error", message: error.message || undefined, curable };
}
