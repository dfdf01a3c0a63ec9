/** @import { FilesApi } from "../../../client/index.js" */
/** @import { FolderInfo, ListedFile, ListPage } from "../types.js" */

/** Items per request: the most that the server returns. */
const PAGE = 200;

/** @typedef {{folders: string[], files: ListedFile[]}} Tree the paths of the folder itself and all inside it, and their files */

/** Reads folders beyond the one that is open. */
export class FolderTree {
  #files;

  /** @param {FilesApi} files */
  constructor(files) {
    this.#files = files;
  }

  /**
   * @param {string} folder a path; empty for the root
   * @param {AbortSignal} [signal]
   * @returns {Promise<FolderInfo[]>} the folders directly inside, from A to Z. Rejects with an ApiError, or with the
   *   signal's reason.
   */
  async subfolders(folder, signal) {
    /** @type {FolderInfo[]} */
    const found = [];
    for await (const page of this.#pages(folder, signal)) {
      found.push(...page.folders);
      // By name, all folders come before the files.
      if (page.files.length > 0) break;
    }
    return found;
  }

  /**
   * Reads a folder with everything inside it, at any depth.
   * @param {string} folder
   * @param {{signal?: AbortSignal, onFiles?: (count: number) => void}} [options] `onFiles` gets the number of files that
   *   were found so far
   * @returns {Promise<Tree>} each folder comes before those inside it. Rejects with an ApiError, or with the signal's
   *   reason; a folder that was deleted or moved meanwhile is left out, unless it is the first one.
   */
  async everything(folder, { signal, onFiles = () => {} } = {}) {
    /** @type {Tree} */
    const tree = { folders: [], files: [] };
    const queue = [folder];
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      try {
        for await (const page of this.#pages(path, signal)) {
          tree.files.push(...page.files);
          queue.push(...page.folders.map((inner) => inner.folder));
          onFiles(tree.files.length);
        }
        tree.folders.push(path);
      } catch (error) {
        if (path === folder || !isMissing(error)) throw error;
      }
    }
    return tree;
  }

  /**
   * @param {string} folder
   * @param {AbortSignal} [signal]
   * @returns {AsyncGenerator<ListPage, void, undefined>}
   */
  async *#pages(folder, signal) {
    const query = { state: /** @type {const} */ ("stored"), folder, q: "", sort: "name", type: "" };
    /** @type {string|null} */
    let cursor = null;
    do {
      const page = /** @type {ListPage} */ (await this.#files.list(query, { cursor, limit: PAGE, signal }));
      yield page;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }
}

/** @param {unknown} error */
function isMissing(error) {
  return error instanceof Error && "code" in error && error.code === "folder_not_found";
}
