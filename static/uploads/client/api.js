/** The server refused, or could not be reached (`status` 0). */
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

  /** The server says that the same request may succeed a little later. */
  get temporary() {
    return this.status === 429 || this.status === 503;
  }
}

/**
 * @typedef {object} SignedRequest what may be sent to storage, once
 * @property {string} id
 * @property {string} method
 * @property {string} url
 * @property {Record<string, string>} headers to be sent exactly as they are
 * @property {string} expires_at ISO 8601
 */

/**
 * @typedef {object} UploadStatus
 * @property {string} id
 * @property {"pending"|"stored"|"rejected"|"deleted"} state
 * @property {string} [reason]
 */

/** How many ids the server takes in one question. */
export const MAX_IDS = 100;

/** filehub's JSON API, with a session cookie and Django's CSRF header. */
export class Api {
  #csrfToken;

  /** @param {string} csrfToken */
  constructor(csrfToken) {
    this.#csrfToken = csrfToken;
  }

  /**
   * Asks for a signed request. Nothing is written anywhere by asking.
   * @param {{file_name: string, content_type: string, size: number, sha256?: string}} file
   * @param {AbortSignal} [signal]
   * @returns {Promise<SignedRequest>}
   */
  begin(file, signal) {
    return this.#json("POST", "/uploads", file, signal);
  }

  /**
   * @param {string[]} ids at most MAX_IDS
   * @returns {Promise<UploadStatus[]>} ids that the server does not know are left out
   */
  statuses(ids) {
    return this.#json("GET", `/uploads?ids=${ids.map(encodeURIComponent).join(",")}`);
  }

  /**
   * A hint that the bytes have arrived. The server checks for itself.
   * @param {string} id
   */
  complete(id) {
    return this.#json("POST", `/uploads/${encodeURIComponent(id)}/complete`, {});
  }

  /**
   * @param {string} id
   * @returns {Promise<{id: string, state: "deleting"}>}
   */
  remove(id) {
    return this.#json("DELETE", `/files/${encodeURIComponent(id)}`);
  }

  /**
   * A fragment of the page, rendered by the server.
   * @param {string} url
   * @returns {Promise<string>} HTML
   */
  async fragment(url) {
    const response = await this.#send(url, { headers: { "HX-Request": "true" } });
    // A page answers a visitor without a session by redirecting to the login form.
    if (response.redirected) {
      throw new ApiError(401, "session_ended", "");
    }
    return response.text();
  }

  async #json(method, url, body, signal) {
    const headers = { Accept: "application/json" };
    if (method !== "GET") {
      headers["X-CSRFToken"] = this.#csrfToken;
    }
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      body = JSON.stringify(body);
    }
    const response = await this.#send(url, { method, headers, body, signal });
    try {
      return await response.json();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError(response.status, "unreadable_answer", "");
    }
  }

  async #send(url, options) {
    let response;
    try {
      response = await fetch(url, { credentials: "same-origin", cache: "no-store", ...options });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ApiError(0, "network", "");
    }
    if (!response.ok) {
      throw await refusal(response);
    }
    return response;
  }
}

/** @param {Response} response */
async function refusal(response) {
  // A proxy in front of Django answers in HTML: then there is a status and nothing else.
  const answer = await response.json().catch(() => ({}));
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new ApiError(
    response.status,
    typeof answer?.code === "string" ? answer.code : "",
    typeof answer?.error === "string" ? answer.error : "",
    Number.isNaN(seconds) ? null : seconds,
  );
}
