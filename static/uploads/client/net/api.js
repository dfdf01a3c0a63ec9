import { ApiError } from "../errors.js";
import { canCall } from "../platform.js";
import { anySignal, timeoutSignal } from "../waiting.js";

/**
 * @typedef {object} SignedRequest a presigned request to storage, valid once
 * @property {string} method
 * @property {string} url
 * @property {Record<string, string>} headers to send exactly as they are
 * @property {string} [expires_at] ISO 8601, by the server's clock
 */

/**
 * @typedef {object} Multipart how to split a large file
 * @property {number} part_size bytes
 * @property {number} part_count
 */

/**
 * @typedef {object} StoredFile a file as docs/contract.md describes it; the fields that the client reads
 * @property {string} checksum base64, followed by "-" and the number of parts if it was computed over parts; may be empty
 */

/**
 * What a caller may say about a file beyond its name: docs/uploader.md. The server checks it; it never sees the scope.
 * @typedef {{tags?: string[], context?: unknown, destination?: string, field?: string, scope?: string}} About
 */

/**
 * What the server needs to know to sign an upload.
 * @typedef {About & {file_name: string, folder?: string, content_type: string, size: number, sha256?: string, part_size?: number}} Beginning
 */

/**
 * How to send a file: a request, or a plan for parts.
 * @typedef {{id: string} & (SignedRequest & {multipart?: undefined} | {token: string, multipart: Multipart, expires_at?: string})} Begun
 */

/**
 * @typedef {object} UploadStatus
 * @property {string} id
 * @property {"pending"|"scanning"|"stored"|"trashed"|"rejected"|"deleted"} state
 * @property {string} [reason] why it was rejected
 * @property {StoredFile} [file] of a stored upload
 */

/**
 * How a browser can show a file: with a `kind`, from `url`; otherwise `reason` says why it cannot.
 * @typedef {object} PreviewSource
 * @property {"image"|"video"|"audio"|"pdf"|"text"|null} kind
 * @property {"type"|"too_large"|"empty"|null} reason
 * @property {string|null} url
 * @property {string|null} expires_at ISO 8601, by the server's clock
 * @property {string|null} charset of a text, if one was declared
 * @property {number|null} max_bytes of a text: how many of its first bytes to show
 */

/**
 * @typedef {object} StoredPart
 * @property {number} part_number from 1
 * @property {number} size bytes
 * @property {string} sha256 base64; empty if storage has none
 */

/**
 * @typedef {object} CallOptions
 * @property {AbortSignal} [signal]
 * @property {number} [timeout] milliseconds
 * @property {Record<string, string>} [headers] further ones
 * @property {boolean} [keepalive] whether the request is still sent when the page is left; with a small body only
 */

/** How many ids the server accepts in one call. */
export const MAX_IDS = 100;
/** How many uploads the server begins in one call. */
export const MAX_FILES = 100;
/** How many parts the server signs in one call. */
export const MAX_PARTS = 1000;

/** Milliseconds. */
const TIMEOUT = 30_000;
/** Milliseconds for a completion, which makes storage assemble up to ten thousand parts. */
const LONG_TIMEOUT = 180_000;

/**
 * Where the API is, and how Django's settings name its CSRF cookie and header. The defaults are Django's.
 * @typedef {object} Site
 * @property {string} [base] the path below which the project includes filehub's URLs, such as "/files"; empty for the root
 * @property {string} [csrfCookie] empty if scripts cannot read it (CSRF_COOKIE_HTTPONLY, CSRF_USE_SESSIONS)
 * @property {string} [csrfHeader]
 */

/** filehub's JSON API, with a session cookie and Django's CSRF header. */
export class Api {
  #csrfToken;
  #user;
  #csrfCookie;
  #csrfHeader;

  /**
   * @param {string} csrfToken from the page; a newer one in Django's cookie takes precedence
   * @param {string} [user] the id of the page's user. If another user signs in in another tab, the server refuses
   *   requests instead of storing this user's files as theirs.
   * @param {Site} [site]
   */
  constructor(csrfToken, user, { base = "", csrfCookie = "csrftoken", csrfHeader = "X-CSRFToken" } = {}) {
    this.#csrfToken = csrfToken;
    this.#user = user;
    this.#csrfCookie = csrfCookie;
    this.#csrfHeader = csrfHeader;
    /** The path before all of the API's. */
    this.base = base.replace(/\/+$/, "");
  }

  /** Names the page's user to the server, in every request. @returns {Record<string, string>} */
  get userHeader() {
    return this.#user === undefined ? {} : { "X-Filehub-User": this.#user };
  }

  /**
   * Signing in again has changed the CSRF token.
   * @param {string} csrfToken
   */
  useToken(csrfToken) {
    this.#csrfToken = csrfToken;
  }

  /**
   * Requests a presigned request or, for a large file, starts a multipart upload. filehub records nothing yet.
   * @param {Beginning} file
   * @returns {Promise<Begun>}
   */
  begin(file) {
    return this.#json("POST", "/uploads", file);
  }

  /**
   * The same for several files in one call.
   * @param {Beginning[]} files at most MAX_FILES
   * @returns {Promise<(Begun|ApiError)[]>} in the order of the files; the error with which `begin` would reject
   */
  async beginAll(files) {
    /** @type {{results: (Begun|FileError)[]}} */
    const { results } = await this.#json("POST", "/uploads/batch", { files });
    return results.map((result) => ("error" in result ? errorOfFile(result) : result));
  }

  /**
   * @param {string} id
   * @param {string} token
   * @param {{part_number: number, sha256: string}[]} parts at most MAX_PARTS
   * @returns {Promise<SignedRequest[]>} in the order of the parts
   */
  async signParts(id, token, parts) {
    /** @type {{parts: (SignedRequest & {part_number: number})[]}} */
    const response = await this.#json("POST", `/uploads/${encodeURIComponent(id)}/parts`, { token, parts });
    const byNumber = new Map(response.parts.map((part) => [part.part_number, part]));
    return parts.map((part) => /** @type {SignedRequest} */ (byNumber.get(part.part_number)));
  }

  /**
   * @param {string} id
   * @param {string} token
   * @param {AbortSignal} [signal]
   * @returns {Promise<StoredPart[]>} the parts that storage has
   */
  parts(id, token, signal) {
    const url = `/uploads/${encodeURIComponent(id)}/parts?token=${encodeURIComponent(token)}`;
    return this.#json("GET", url, undefined, { signal });
  }

  /**
   * Aborts a multipart upload; storage removes its parts.
   * @param {string} id
   * @param {string} token
   */
  abort(id, token) {
    return this.#json("DELETE", `/uploads/${encodeURIComponent(id)}`, { token });
  }

  /**
   * @param {string[]} ids at most MAX_IDS
   * @returns {Promise<UploadStatus[]>} ids that the server does not know are left out
   */
  statuses(ids) {
    return this.#json("GET", `/uploads?ids=${ids.map(encodeURIComponent).join(",")}`);
  }

  /**
   * With a token, assembles the parts. Without, a hint that the bytes have arrived; the server checks for itself.
   * @param {string} id
   * @param {string} [token]
   */
  complete(id, token) {
    const options = { timeout: LONG_TIMEOUT };
    return this.#json("POST", `/uploads/${encodeURIComponent(id)}/complete`, token ? { token } : {}, options);
  }

  /**
   * Requests the address of a file's content. Storage serves it as an attachment, for some minutes.
   * @param {string} id
   * @returns {Promise<{url: string, expires_at: string}>}
   */
  download(id) {
    return this.#json("GET", `/files/${encodeURIComponent(id)}/download`);
  }

  /**
   * Requests how a browser can show a file, and from which address, which storage serves for some minutes.
   * @param {string} id
   * @returns {Promise<PreviewSource>} Rejects with an ApiError.
   */
  preview(id) {
    return this.#json("GET", `/files/${encodeURIComponent(id)}/preview`);
  }

  /**
   * Moves a file to the trash. Where there is no trash, it is permanently deleted.
   * @param {string} id
   * @returns {Promise<{id: string, state: "trashed"|"deleting"}>} Rejects with an ApiError.
   */
  async trash(id) {
    const { results } = await this.#json("POST", "/files/trash", { ids: [id] });
    const [result] = results;
    if (!result.state) throw errorOfFile(result);
    return result;
  }

  /**
   * Sends a request of the JSON API. What has a method of its own is better called by that.
   * @param {string} method
   * @param {string} path below the API's base, with its query
   * @param {object} [content] sent as JSON
   * @param {CallOptions} [options]
   * @returns {Promise<{status: number, headers: Headers, body: any}>} the body is null if the response has none. Rejects
   *   with an ApiError.
   */
  async request(method, path, content, options) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json", ...this.userHeader, ...options?.headers };
    /** @type {string|undefined} */
    let body;
    if (method !== "GET") {
      // The token changes when the user signs in again in another tab, while this page stays open.
      headers[this.#csrfHeader] = cookie(this.#csrfCookie) ?? this.#csrfToken;
    }
    if (content !== undefined) {
      headers["Content-Type"] = "application/json";
      body = JSON.stringify(content);
    }
    const keepalive = options?.keepalive ?? false;
    const response = await this.#send(this.base + path, { method, headers, body, keepalive }, options);
    const { status } = response;
    if (status === 204 || status === 304) return { status, headers: response.headers, body: null };
    try {
      return { status, headers: response.headers, body: await response.json() };
    } catch (error) {
      options?.signal?.throwIfAborted();
      // Anything else means that the connection broke off.
      if (error instanceof SyntaxError) throw new ApiError(status, "unreadable_answer", "");
      throw new ApiError(0, "network", "");
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [content] sent as JSON
   * @param {CallOptions} [options]
   * @returns {Promise<any>} the parsed response; null if it is empty
   */
  async #json(method, path, content, options) {
    return (await this.request(method, path, content, options)).body;
  }

  /**
   * @param {string} url
   * @param {RequestInit} init
   * @param {CallOptions} [options]
   */
  async #send(url, init, { signal, timeout = TIMEOUT } = {}) {
    // What a browser lacks is not a broken connection.
    if (!canCall()) throw new ApiError(0, "unsupported", "");
    const limit = anySignal([timeoutSignal(timeout), ...(signal ? [signal] : [])]);
    const request = new Request(url, { credentials: "same-origin", cache: "no-store", signal: limit, ...init });
    let response;
    try {
      response = await fetch(request);
    } catch {
      signal?.throwIfAborted();
      throw new ApiError(0, "network", "");
    }
    // 304 is the answer to `If-None-Match`.
    if (!response.ok && response.status !== 304) {
      throw await errorFrom(response);
    }
    return response;
  }
}

/**
 * @param {string} name
 * @returns {string|undefined} the value of a cookie that scripts may read
 */
function cookie(name) {
  const begin = `${name}=`;
  const found = name && document.cookie.split("; ").find((each) => each.startsWith(begin));
  return found ? found.slice(begin.length) : undefined;
}

/** @typedef {{error: string, code: string, retry_after?: number}} FileError of one file in a call for several */

/**
 * The statuses of errors of a single file after which it makes sense to try again; see `uploads/core/errors.py`.
 * @type {Record<string, number>}
 */
const STATUSES = {
  rate_limited: 429,
  internal_error: 500,
  unavailable: 503,
  quota_exceeded: 413,
  forbidden: 403,
  file_not_found: 404,
  being_deleted: 409,
};

/** @param {FileError} result */
export function errorOfFile({ error, code, retry_after }) {
  return new ApiError(STATUSES[code] ?? 400, code, error, retry_after ?? null);
}

/** @param {Response} response */
async function errorFrom(response) {
  // A proxy in front of Django responds in HTML, which leaves only the status.
  const body = await response.json().catch(() => ({}));
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new ApiError(
    response.status,
    typeof body?.code === "string" ? body.code : "",
    typeof body?.error === "string" ? body.error : "",
    Number.isNaN(seconds) ? null : seconds,
  );
}
