import { Api } from "../../../static/uploads/client/net/api.js";

/** @typedef {{id: string, file_name: string, folder: string, size: number, state: "stored"|"trashed"|"purging", created_at: string}} Stored */
/** @typedef {{method: string, path: string, body: any}} Asked */
/** @typedef {"lost"|"late"|number} Fault "lost": the request does not arrive; "late": its response does not; or a status */

/**
 * A server in memory with the calls that change files, for races and losses that a real one does not produce on demand.
 * tests/browser/test_actions.py does the same things with a real one.
 */
export class FakeServer {
  /** @type {Map<string, Stored>} */
  files = new Map();
  /** @type {Set<string>} */
  folders = new Set();
  /** What was asked. @type {Asked[]} */
  log = [];
  /** What goes wrong with the next requests whose path begins so. @type {{path: string, fault: Fault}[]} */
  faults = [];
  /** Called before each request, for what others do at that moment; may hold it. @type {(asked: Asked) => unknown} */
  before = () => {};
  /** The largest page of a folder. */
  pageSize = 200;

  constructor() {
    globalThis.fetch = async (request) => this.#respond(/** @type {Request} */ (request));
  }

  get api() {
    return new Api("csrf-token");
  }

  /**
   * @param {string} id
   * @param {Partial<Stored>} [more]
   */
  store(id, more = {}) {
    const file = {
      id,
      file_name: `${id}.txt`,
      folder: "",
      size: 1,
      state: /** @type {const} */ ("stored"),
      created_at: "2026-01-01T00:00:00Z",
      ...more,
    };
    this.files.set(id, file);
    this.#ensure(file.folder);
    return file;
  }

  /** @param {string} state @returns {string} the ids of the files in this state */
  ids(state = "stored") {
    return [...this.files.values()]
      .filter((file) => file.state === state)
      .map(({ id }) => id)
      .join(" ");
  }

  /** @param {string} folder */
  #ensure(folder) {
    const names = folder ? folder.split("/") : [];
    for (const index of names.keys()) this.folders.add(names.slice(0, index + 1).join("/"));
  }

  /** @param {Request} request */
  async #respond(request) {
    const url = new URL(request.url);
    const text = await request.text();
    const asked = { method: request.method, path: url.pathname + url.search, body: text ? JSON.parse(text) : null };
    this.log.push(asked);
    await this.before(asked);
    const index = this.faults.findIndex(({ path }) => asked.path.startsWith(path));
    const [found] = index === -1 ? [] : this.faults.splice(index, 1);
    if (found?.fault === "lost") throw new TypeError("no connection");
    if (typeof found?.fault === "number") return failure(found.fault);
    const response = this.#answer(asked, url);
    if (found?.fault === "late") throw new TypeError("connection closed");
    return response;
  }

  /**
   * @param {Asked} asked
   * @param {URL} url
   */
  #answer({ method, body }, url) {
    const key = `${method} ${url.pathname}`;
    switch (key) {
      case "POST /files/trash":
        return this.#each(body.ids, (file) => this.#set(file, "trashed"));
      case "POST /files/restore":
        return this.#each(body.ids, (file) => this.#set(file, "stored"));
      case "POST /files/delete":
        return this.#each(body.ids, (file) => this.files.delete(file.id) && "deleting");
      case "POST /files/move":
        this.#ensure(body.folder);
        return this.#each(body.ids, (file) =>
          file.state === "stored" ? Object.assign(file, { folder: body.folder }) && "moved" : null,
        );
      case "POST /files/trash/empty":
        return this.#empty();
      case "GET /files":
        return json([...this.files.values()].filter(({ state }) => state === url.searchParams.get("state")));
      case "GET /folders":
        return this.#contents(url.searchParams.get("folder") ?? "", Number(url.searchParams.get("cursor") ?? 0));
      case "POST /folders":
        return this.#create(body.folder);
      case "PATCH /folders":
        return this.#moveFolder(body.folder, body.to);
      case "DELETE /folders":
        return this.#deleteFolder(url.searchParams.get("folder") ?? "");
    }
    return method === "PATCH" ? this.#rename(url.pathname.slice("/files/".length), body) : failure(404);
  }

  /**
   * @param {string[]} ids
   * @param {(file: Stored) => unknown} change returns the state; null if there is no such file
   */
  #each(ids, change) {
    if (ids.length === 0 || ids.length > 100) return failure(400, "too_many_ids");
    const results = ids.map((id) => {
      const file = this.files.get(id);
      if (file?.state === "purging") return { id, error: "x", code: "being_deleted" };
      const state = file && change(file);
      return state ? { id, state } : { id, error: "File not found", code: "file_not_found" };
    });
    return json({ results });
  }

  /**
   * @param {Stored} file
   * @param {Stored["state"]} state
   */
  #set(file, state) {
    file.state = state;
    if (state === "stored") this.#ensure(file.folder);
    return state;
  }

  #empty() {
    const trashed = [...this.files.values()].filter(({ state }) => state === "trashed");
    for (const { id } of trashed.slice(0, 2)) this.files.delete(id);
    return json({ deleted: Math.min(trashed.length, 2), failed: 0, more: trashed.length > 2 });
  }

  /**
   * @param {string} folder
   * @param {number} start
   */
  #contents(folder, start) {
    if (folder && !this.folders.has(folder)) return failure(404, "folder_not_found");
    const prefix = folder ? `${folder}/` : "";
    const inside = [...this.folders].filter(
      (path) => path.startsWith(prefix) && path !== folder && !path.slice(prefix.length).includes("/"),
    );
    const folders = inside.map((path) => ({ folder: path, name: path.slice(prefix.length), files: 0, bytes: 0 }));
    const files = [...this.files.values()].filter((file) => file.folder === folder && file.state === "stored");
    const all = [...folders, ...files];
    const page = all.slice(start, start + this.pageSize);
    const end = start + page.length;
    return json({
      folder: { folder, name: folder, files: 0, bytes: 0, moving_to: null },
      folders: page.filter((each) => !("id" in each)),
      files: page.filter((each) => "id" in each),
      next_cursor: end < all.length ? String(end) : null,
    });
  }

  /** @param {string} folder */
  #create(folder) {
    if (this.folders.has(folder)) return json({ folder, state: "exists" });
    this.#ensure(folder);
    return json({ folder, state: "created" }, 201);
  }

  /**
   * @param {string} folder
   * @param {string} to
   */
  #moveFolder(folder, to) {
    if (!this.folders.has(folder)) return failure(404, "folder_not_found");
    if (this.folders.has(to)) return failure(409, "folder_exists");
    const within = (/** @type {string} */ path) => path === folder || path.startsWith(`${folder}/`);
    this.folders = new Set([...this.folders].map((path) => (within(path) ? to + path.slice(folder.length) : path)));
    for (const file of this.files.values())
      if (within(file.folder)) file.folder = to + file.folder.slice(folder.length);
    return json({ folder: to, state: "moved" });
  }

  /** @param {string} folder */
  #deleteFolder(folder) {
    if (!this.folders.has(folder)) return failure(404, "folder_not_found");
    const isUsed = [...this.files.values()].some((file) => file.folder === folder && file.state === "stored");
    if (isUsed || [...this.folders].some((path) => path.startsWith(`${folder}/`)))
      return failure(409, "folder_not_empty");
    this.folders.delete(folder);
    return new Response(null, { status: 204 });
  }

  /**
   * @param {string} id
   * @param {{file_name: string}} changes
   */
  #rename(id, { file_name }) {
    const file = this.files.get(id);
    if (file?.state !== "stored") return failure(404, "file_not_found");
    return json(Object.assign(file, { file_name }));
  }
}

/**
 * @param {unknown} body
 * @param {number} [status]
 */
function json(body, status = 200) {
  return new Response(JSON.stringify(body), { status });
}

/**
 * @param {number} status
 * @param {string} [code]
 */
function failure(status, code) {
  const codes = /** @type {Record<number, string>} */ ({
    401: "not_authenticated",
    403: "csrf_failed",
    503: "unavailable",
    429: "rate_limited",
  });
  return json({ error: "x", code: code ?? codes[status] ?? "" }, status);
}
