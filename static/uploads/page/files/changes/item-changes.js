import { ApiError } from "../../../client/index.js";
import { isWithin, lastNameOf, parentOf } from "../place.js";

/** @import { ChangesApi } from "../../../client/index.js" */
/** @import { FileItem, FolderItem, Item } from "../types.js" */
/** @import { FolderTree } from "./folder-tree.js" */
/** @import { Failure, Outcome } from "./outcome.js" */

/** @typedef {Awaited<ReturnType<ChangesApi["trash"]>>} Changes */
/** @typedef {(part: number, count: number) => void} OnProgress gets how many of the files were tried so far */
/** @typedef {(ids: string[], onProgress: (part: number) => void) => Promise<Changes>} ChangeFiles */

/** What was removed, so that it can be brought back. @typedef {Outcome & {ids: string[], folders: string[]}} Removal */
/** Where items were before. @typedef {{ids: Map<string, string[]>, folders: {from: string, to: string}[]}} Origins */
/** @typedef {Outcome & {origins: Origins, isMoving: boolean}} Movement `isMoving`: a folder is still being moved */
/** @typedef {{count: number, errors: ApiError[]}} Undoing how much was to be undone, and why something was not */

/**
 * How often a folder is read and emptied: it may list what is in it a moment too late, and a file that is deleted for
 * ever is in it until storage has confirmed that.
 */
const ROUNDS = 6;
/** Milliseconds between two rounds; each further one waits twice as long. */
const FIRST_PAUSE = 500;

/** Changes files and folders alike. Says what became of each, and shows nothing. */
export class ItemChanges {
  #api;
  #tree;

  /**
   * @param {ChangesApi} api
   * @param {FolderTree} tree
   */
  constructor(api, tree) {
    this.#api = api;
    this.#tree = tree;
  }

  /**
   * Moves files to the trash. Folders are deleted, and the files in them are moved to the trash too.
   * @param {Item[]} items
   * @param {OnProgress} onProgress
   * @returns {Promise<Removal>}
   */
  trash(items, onProgress) {
    return this.#remove(items, (ids, report) => this.#api.trash(ids, report), onProgress);
  }

  /**
   * Deletes files permanently, and folders with the files in them.
   * @param {Item[]} items
   * @param {OnProgress} onProgress
   * @returns {Promise<Removal>}
   */
  deletePermanently(items, onProgress) {
    return this.#remove(items, (ids, report) => this.#api.deletePermanently(ids, report), onProgress);
  }

  /**
   * @param {Item[]} items files in the trash
   * @param {OnProgress} onProgress
   * @returns {Promise<Outcome>}
   */
  async restore(items, onProgress) {
    const files = items.filter((item) => item.kind === "file");
    return await changeFiles(files, (ids, report) => this.#api.restore(ids, report), onProgress);
  }

  /**
   * Brings back what was moved to the trash: exactly these files, and the folders, also those that were empty.
   * @param {{ids: string[], folders: string[]}} removal
   * @returns {Promise<Undoing>}
   */
  async undoTrash({ ids, folders }) {
    const errors = errorsOf(await this.#api.restore(ids));
    for (const folder of folders) {
      const error = await caught(this.#api.createFolder(folder));
      if (error) errors.push(error);
    }
    return { count: ids.length + folders.length, errors };
  }

  /**
   * @param {Item[]} items that are not in `folder` already
   * @param {string} folder
   * @param {OnProgress} onProgress
   * @returns {Promise<Movement>}
   */
  async move(items, folder, onProgress) {
    const files = items.filter((item) => item.kind === "file");
    const outcome = await changeFiles(files, (ids, report) => this.#api.move(ids, folder, report), onProgress);
    /** @type {Movement} */
    const movement = { ...outcome, origins: { ids: new Map(), folders: [] }, isMoving: false };
    for (const item of outcome.done) {
      if (item.kind !== "file") continue;
      const ids = movement.origins.ids.get(item.file.folder);
      if (ids) ids.push(item.key);
      else movement.origins.ids.set(item.file.folder, [item.key]);
    }
    for (const item of items) if (item.kind === "folder") await this.#moveFolder(item, folder, movement);
    return movement;
  }

  /**
   * @param {FolderItem} item
   * @param {string} folder
   * @param {Movement} movement gets what became of it
   */
  async #moveFolder(item, folder, movement) {
    const to = joined(folder, item.name);
    try {
      if (isWithin(folder, item.folder)) throw new ApiError(400, "folder_into_itself", "");
      const { state } = await this.#api.moveFolder(item.folder, to);
      movement.done.push(item);
      // Moving it back would be refused before it has arrived.
      if (state === "moving") movement.isMoving = true;
      else movement.origins.folders.push({ from: item.folder, to });
    } catch (error) {
      movement.failed.push({ item, error: asApiError(error) });
    }
  }

  /**
   * @param {Origins} origins
   * @returns {Promise<Undoing>}
   */
  async undoMove({ ids, folders }) {
    /** @type {ApiError[]} */
    const errors = [];
    let count = folders.length;
    for (const [folder, some] of ids) {
      errors.push(...errorsOf(await this.#api.move(some, folder)));
      count += some.length;
    }
    for (const { from, to } of folders) {
      const error = await caught(this.#api.moveFolder(to, from));
      if (error) errors.push(error);
    }
    return { count, errors };
  }

  /**
   * @param {Item[]} items
   * @param {ChangeFiles} change
   * @param {OnProgress} onProgress
   * @returns {Promise<Removal>}
   */
  async #remove(items, change, onProgress) {
    const files = items.filter((item) => item.kind === "file");
    const { done, failed } = await changeFiles(files, change, onProgress);
    /** @type {Removal} */
    const removal = { done, failed, ids: done.map(({ key }) => key), folders: [] };
    for (const item of items) {
      if (item.kind !== "folder") continue;
      try {
        await this.#removeFolder(item.folder, change, removal, onProgress);
        removal.done.push(item);
      } catch (error) {
        removal.failed.push({ item, error: asApiError(error) });
      }
    }
    return removal;
  }

  /**
   * Removes the files of a folder, and then the folders, which can be deleted only when they are empty.
   * @param {string} folder
   * @param {ChangeFiles} change
   * @param {Removal} removal gets what was removed, also if the folder stays
   * @param {OnProgress} onProgress
   */
  async #removeFolder(folder, change, removal, onProgress) {
    for (let round = 1; ; round += 1) {
      const { files, folders } = await this.#tree.everything(folder);
      const ids = files.map(({ id }) => id);
      const changes = await change(ids, (part) => onProgress(part, ids.length));
      const removed = ids.filter((id) => !(changes.get(id) instanceof ApiError));
      removal.ids = [...new Set([...removal.ids, ...removed])];
      const error = errorsOf(changes).find(({ status }) => status !== 404);
      if (error) throw error;
      try {
        await this.#deleteFolders(folders, removal);
        return;
      } catch (error) {
        if (round === ROUNDS || asApiError(error).code !== "folder_not_empty") throw error;
        await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE * 2 ** (round - 1)));
      }
    }
  }

  /**
   * @param {string[]} folders each before those inside it
   * @param {Removal} removal
   */
  async #deleteFolders(folders, removal) {
    for (const path of [...folders].reverse()) {
      const error = await caught(this.#api.deleteFolder(path));
      if (error && error.status !== 404) throw error;
      if (!error) removal.folders.push(path);
    }
  }
}

/**
 * @param {FileItem[]} items
 * @param {ChangeFiles} change
 * @param {OnProgress} onProgress
 * @returns {Promise<Outcome>}
 */
async function changeFiles(items, change, onProgress) {
  /** @type {Item[]} */
  const done = [];
  /** @type {Failure[]} */
  const failed = [];
  const ids = items.map(({ key }) => key);
  const changes = ids.length > 0 ? await change(ids, (part) => onProgress(part, ids.length)) : new Map();
  for (const item of items) {
    const result = changes.get(item.key);
    if (result instanceof ApiError) failed.push({ item, error: result });
    else done.push(item);
  }
  return { done, failed };
}

/** @param {Changes} changes */
function errorsOf(changes) {
  return [...changes.values()].filter((change) => change instanceof ApiError);
}

/**
 * @param {Promise<unknown>} promise
 * @returns {Promise<ApiError|null>} what it rejects with
 */
async function caught(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return asApiError(error);
  }
}

/**
 * @param {unknown} error
 * @returns {ApiError} throws any other error
 */
function asApiError(error) {
  if (error instanceof ApiError) return error;
  throw error;
}

/**
 * @param {string} folder
 * @param {string} name
 */
export function joined(folder, name) {
  return folder ? `${folder}/${name}` : name;
}

/**
 * @param {Item} item
 * @returns {string} the folder that it is in
 */
export function folderOf(item) {
  return item.kind === "folder" ? parentOf(item.folder) : item.file.folder;
}

/**
 * @param {FolderItem} item
 * @param {string} path
 * @returns {FolderItem} the same folder in another place, or with another name
 */
export function folderAt(item, path) {
  return { ...item, key: `folder:${path}`, folder: path, name: lastNameOf(path) };
}
