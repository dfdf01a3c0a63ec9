/** @import { Api } from "./api.js" */

/**
 * What to list. With a search term, or in another state than stored, the list is of several folders.
 * @typedef {object} ListQuery
 * @property {"stored"|"scanning"|"trashed"|"rejected"} state
 * @property {string} folder the path of a folder; empty for the root
 * @property {string} q part of the names; empty for all
 * @property {string} sort
 * @property {string} type a type group; empty for all
 */

/** The calls of filehub's JSON API that read lists. */
export class FilesApi {
  #api;
  /** What the last version was called. */
  #etag = "";

  /** @param {Api} api */
  constructor(api) {
    this.#api = api;
  }

  /**
   * Reads one page of a list.
   * @param {ListQuery} query
   * @param {object} page
   * @param {string|null} page.cursor null for the first page
   * @param {number} page.limit at most 200
   * @param {AbortSignal} [page.signal]
   * @returns {Promise<any>} a page as docs/contract.md describes it for `GET /folders`, also for lists of several
   *   folders, of which `folder` is null
   */
  async list(query, { cursor, limit, signal }) {
    const isFolder = query.state === "stored" && query.q === "";
    const parameters = new URLSearchParams(isFolder ? folderParameters(query) : filesParameters(query));
    parameters.set("limit", String(limit));
    if (query.type) parameters.set("type", query.type);
    if (cursor) parameters.set("cursor", cursor);
    const url = `${isFolder ? "/folders" : "/files"}?${parameters}`;
    const { headers, body } = await this.#api.request("GET", url, undefined, { signal });
    if (isFolder) return { examined: null, ...body };
    const examined = headers.get("X-Filehub-Examined");
    return {
      folder: null,
      folders: [],
      files: body,
      next_cursor: nextCursor(headers.get("Link")),
      examined: examined === null ? null : Number(examined),
    };
  }

  /**
   * @returns {Promise<boolean>} whether the user's lists may have changed since the last call; the first call only
   *   learns the version
   */
  async hasChanged() {
    const isFirst = this.#etag === "";
    const options = isFirst ? undefined : { headers: { "If-None-Match": this.#etag } };
    const { status, headers } = await this.#api.request("GET", "/files/version", undefined, options);
    if (status === 304) return false;
    const etag = headers.get("ETag") ?? "";
    const differs = etag !== this.#etag;
    this.#etag = etag;
    return differs && !isFirst;
  }
}

/**
 * @param {ListQuery} query
 * @returns {Record<string, string>}
 */
function folderParameters({ folder, sort }) {
  return { folder, sort };
}

/**
 * @param {ListQuery} query
 * @returns {Record<string, string>}
 */
function filesParameters({ state, folder, q }) {
  return { state, ...(folder ? { folder } : {}), ...(q ? { q } : {}) };
}

/**
 * @param {string|null} link a Link header
 * @returns {string|null} the cursor in the address of the next page
 */
function nextCursor(link) {
  const url = /<([^>]+)>;\s*rel="next"/.exec(link ?? "")?.[1];
  return url ? new URL(url).searchParams.get("cursor") : null;
}
