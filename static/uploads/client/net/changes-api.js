import { ApiError, remedyOf } from "../errors.js";
import { errorOfFile, MAX_IDS } from "./api.js";

/** @import { Api } from "./api.js" */

/** @typedef {"stored"|"trashed"|"deleting"|"moved"} ChangedState of a file after a change */
/** What became of each file, by id: its state, or why it was not changed. @typedef {Map<string, ChangedState|ApiError>} Changes */
/** @typedef {(count: number) => void} OnProgress gets the number of files that were tried so far */
/** @typedef {{deleted: number, failed: number, more: boolean}} Emptied `failed`: files that are still in the trash */

/**
 * How often a request is sent when the server does not respond or asks to wait. A person is waiting, so it is less often
 * than for uploads.
 */
const ATTEMPTS = 3;
/** Milliseconds before the second attempt; each further one waits four times as long. */
const FIRST_PAUSE = 400;
/** Milliseconds. A server that asks for more is not asked again. */
const LONGEST_PAUSE = 6_000;

/**
 * The calls that change stored files and folders. A request whose response was lost is sent again where that is
 * harmless; emptying the trash is not: between two requests, other files may have been moved there.
 */
export class ChangesApi {
  #api;

  /** @param {Api} api */
  constructor(api) {
    this.#api = api;
  }

  /**
   * Moves files to the trash. Where there is no trash, they are permanently deleted.
   * @param {string[]} ids any number
   * @param {OnProgress} [onProgress]
   * @returns {Promise<Changes>} "trashed" or "deleting"
   */
  trash(ids, onProgress) {
    return this.#changeMany("/files/trash", ids, {}, onProgress);
  }

  /**
   * @param {string[]} ids of files in the trash, any number
   * @param {OnProgress} [onProgress]
   * @returns {Promise<Changes>} "stored"
   */
  restore(ids, onProgress) {
    return this.#changeMany("/files/restore", ids, {}, onProgress);
  }

  /**
   * Permanently deletes files, from the list or from the trash.
   * @param {string[]} ids any number
   * @param {OnProgress} [onProgress]
   * @returns {Promise<Changes>} "deleting"
   */
  deletePermanently(ids, onProgress) {
    return this.#changeMany("/files/delete", ids, {}, onProgress);
  }

  /**
   * @param {string[]} ids any number
   * @param {string} folder is created if it does not exist; empty for the root
   * @param {OnProgress} [onProgress]
   * @returns {Promise<Changes>} "moved"
   */
  move(ids, folder, onProgress) {
    return this.#changeMany("/files/move", ids, { folder }, onProgress);
  }

  /**
   * Permanently deletes some of what is in the trash.
   * @returns {Promise<Emptied>} `more`: the trash has more files
   */
  emptyTrash() {
    return this.#json("POST", "/files/trash/empty", {});
  }

  /**
   * @param {string} id
   * @param {string} name
   * @returns {Promise<any>} the file, as in docs/contract.md
   */
  rename(id, name) {
    return persistently(() => this.#json("PATCH", `/files/${encodeURIComponent(id)}`, { file_name: name }));
  }

  /**
   * @param {string} folder a path; the folders that contain it are created too
   * @returns {Promise<{folder: string, state: "created"|"exists"}>} the path as it is stored
   */
  createFolder(folder) {
    return persistently(() => this.#json("POST", "/folders", { folder }));
  }

  /**
   * Renames or moves a folder with all that is in it.
   * @param {string} folder
   * @param {string} to the complete new path
   * @returns {Promise<{folder: string, state: "moved"|"moving"}>} "moving": the rest is moved in the background
   */
  async moveFolder(folder, to) {
    let isRepeated = false;
    return await persistently(async () => {
      try {
        return await this.#json("PATCH", "/folders", { folder, to });
      } catch (error) {
        // The response of the attempt that has moved it was lost.
        if (isRepeated && isNotFound(error)) return { folder: to, state: "moved" };
        isRepeated = true;
        throw error;
      }
    });
  }

  /**
   * @param {string} folder an empty one
   * @returns {Promise<void>}
   */
  async deleteFolder(folder) {
    let isRepeated = false;
    await persistently(async () => {
      try {
        await this.#json("DELETE", `/folders?folder=${encodeURIComponent(folder)}`);
      } catch (error) {
        // The response of the attempt that has deleted it was lost.
        if (isRepeated && isNotFound(error)) return;
        isRepeated = true;
        throw error;
      }
    });
  }

  /**
   * The request is sent even if the page is left or loaded again, since it already shows the change.
   * @param {string} method
   * @param {string} url
   * @param {object} [content]
   */
  async #json(method, url, content) {
    return (await this.#api.request(method, url, content, { keepalive: true })).body;
  }

  /**
   * Sends as many requests as needed, one after the other, and again for files that the server could not change for the
   * time being.
   * @param {string} url
   * @param {string[]} ids
   * @param {object} more content of each request
   * @param {OnProgress} [onProgress]
   * @returns {Promise<Changes>} in the order of `ids`. Never rejects with an ApiError: it is that of the files then.
   */
  async #changeMany(url, ids, more, onProgress = () => {}) {
    /** @type {Changes} */
    const changes = new Map();
    /** @type {ApiError|null} */
    let failure = null;
    for (let start = 0; start < ids.length; start += MAX_IDS) {
      const chunk = ids.slice(start, start + MAX_IDS);
      try {
        // What has failed for one chunk, such as the connection, would fail for the next ones too.
        if (failure) throw failure;
        await persistently(() => this.#changeChunk(url, chunk, more, changes));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!chunk.every((id) => changes.has(id))) failure = error;
        for (const id of chunk) if (!changes.has(id)) changes.set(id, error);
      }
      onProgress(Math.min(start + MAX_IDS, ids.length));
    }
    return changes;
  }

  /**
   * @param {string} url
   * @param {string[]} ids at most MAX_IDS
   * @param {object} more
   * @param {Changes} changes gets the results; files whose change has succeeded are not sent again
   * @returns {Promise<void>} rejects with the error of one of the files if another attempt may help
   */
  async #changeChunk(url, ids, more, changes) {
    const remaining = ids.filter((id) => !isDone(changes.get(id)));
    const { results } = await this.#json("POST", url, { ids: remaining, ...more });
    for (const result of results) changes.set(result.id, result.state ?? errorOfFile(result));
    const temporary = ids.map((id) => changes.get(id)).find((change) => change !== undefined && !isDone(change));
    if (temporary) throw temporary;
  }
}

/**
 * @param {ChangedState|ApiError|undefined} change
 * @returns {boolean} whether another attempt would not change it
 */
function isDone(change) {
  return change !== undefined && !(change instanceof ApiError && remedyOf(change) === "wait");
}

/** @param {unknown} error */
function isNotFound(error) {
  return error instanceof ApiError && error.status === 404;
}

/**
 * Repeats a request whose response did not come, or that the server asks to repeat.
 * @template T
 * @param {() => Promise<T>} request harmless to repeat
 * @returns {Promise<T>} rejects with the error of the last attempt
 */
export async function persistently(request) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      const pause = pauseAfter(error, attempt);
      if (attempt === ATTEMPTS || pause > LONGEST_PAUSE || remedyOf(error) !== "wait") throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/**
 * @param {unknown} error
 * @param {number} attempt from 1
 * @returns {number} milliseconds
 */
function pauseAfter(error, attempt) {
  const retryAfter = error instanceof ApiError ? (error.retryAfter ?? 0) * 1_000 : 0;
  return Math.max(retryAfter, FIRST_PAUSE * 4 ** (attempt - 1));
}
