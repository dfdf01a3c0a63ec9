import { ApiError, isSignedOut } from "../../client/index.js";
import { actionMessages, reasonFor } from "../text/action-messages.js";
import { folderAt, folderOf, joined } from "./changes/item-changes.js";
import { failure, remaining, report } from "./changes/outcome.js";
import { isSamePlace, isWithin, parentOf } from "./place.js";
import { fileItem, folderItem, nameOf } from "./types.js";

/** @import { ChangesApi } from "../../client/index.js" */
/** @import { Verb } from "../text/action-messages.js" */
/** @import { Toast } from "../ui/toast.js" */
/** @import { ArchiveDownload } from "./archive-download.js" */
/** @import { ItemChanges, OnProgress, Undoing } from "./changes/item-changes.js" */
/** @import { Outcome } from "./changes/outcome.js" */
/** @import { FileStore } from "./store.js" */
/** @import { Item, Place } from "./types.js" */

/** So many files are changed without a word in between. */
const MANY = 100;

/**
 * What the actions need.
 * @typedef {object} Parts
 * @property {ChangesApi} api
 * @property {ItemChanges} changes
 * @property {FileStore} store
 * @property {Toast} toast
 * @property {ArchiveDownload} archives
 * @property {boolean} hasTrash whether files go to the trash; otherwise they are deleted permanently
 * @property {(items: Item[]) => Promise<boolean>} confirmDelete asks whether to delete these permanently
 * @property {() => Promise<boolean>} confirmEmpty asks whether to empty the trash
 * @property {(id: string) => Promise<void>} startDownload of one file; rejects with an ApiError
 * @property {() => void} onSessionEnded
 * @property {() => void} onUsageChanged the quota is used differently
 * @property {(id: string) => void} onForget a file was moved to the trash or deleted, so it is no longer in the list
 */

/**
 * Everything that changes or fetches files and folders, one or many. The list changes at once, as if everything had
 * succeeded; what did not is put back, and a sentence says why.
 */
export class Actions {
  #parts;
  #running = 0;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Whether leaving the page now would interrupt something. */
  get busy() {
    return this.#running > 0 || this.#parts.archives.busy;
  }

  /**
   * Moves files and folders to the trash, and offers to undo that. Where there is no trash, it deletes them permanently.
   * @param {Item[]} items
   */
  async trash(items) {
    const { changes, hasTrash } = this.#parts;
    if (!hasTrash) return await this.deletePermanently(items);
    const place = this.#parts.store.place;
    const removal = await this.#run("trash", items, (onProgress) => changes.trash(items, onProgress));
    if (!removal) return;
    this.#forget(removal.ids);
    const undo = () => this.#undo("restore", items, place, () => changes.undoTrash(removal));
    this.#tell(
      report("trash", removal, (done) => trashedSentence(done, removal.ids)),
      removal,
      {
        undo: removal.ids.length + removal.folders.length > 0 ? undo : undefined,
      },
    );
  }

  /**
   * Restores files from the trash.
   * @param {Item[]} items
   */
  async restore(items) {
    const outcome = await this.#run("restore", items, (onProgress) => this.#parts.changes.restore(items, onProgress));
    if (outcome) this.#tell(report("restore", outcome), outcome);
  }

  /**
   * Deletes files and folders permanently, if the user confirms it.
   * @param {Item[]} items
   */
  async deletePermanently(items) {
    if (items.length === 0 || !(await this.#parts.confirmDelete(items))) return;
    const { changes } = this.#parts;
    const removal = await this.#run("remove", items, (onProgress) => changes.deletePermanently(items, onProgress));
    if (!removal) return;
    this.#forget(removal.ids);
    this.#tell(report("remove", removal), removal);
  }

  /** Deletes everything in the trash permanently, if the user confirms it. */
  async emptyTrash() {
    const { api, store, toast, confirmEmpty } = this.#parts;
    if (!(await confirmEmpty())) return;
    this.#begin();
    toast.progress(actionMessages.emptying);
    let deleted = 0;
    try {
      let emptied = await api.emptyTrash();
      deleted += emptied.deleted;
      // Files that cannot be deleted now would be tried forever.
      while (emptied.more && emptied.deleted > 0) {
        emptied = await api.emptyTrash();
        deleted += emptied.deleted;
      }
      this.#sayEmptied(deleted, emptied);
    } catch (error) {
      toast.show(actionMessages.emptyingFailed(this.#problem(error)), { isError: true });
    } finally {
      this.#running -= 1;
      this.#parts.onUsageChanged();
      store.reload();
    }
  }

  /**
   * @param {number} deleted files, in all requests
   * @param {{failed: number, more: boolean}} last
   */
  #sayEmptied(deleted, { failed, more }) {
    const { toast } = this.#parts;
    if (failed > 0 || more) toast.show(actionMessages.notEmptied(Math.max(failed, 1)), { isError: true });
    else toast.show(deleted > 0 ? actionMessages.emptied(deleted) : actionMessages.wasEmpty);
  }

  /**
   * Moves files and folders to a folder, and offers to undo that.
   * @param {Item[]} items
   * @param {string} folder
   */
  async moveTo(items, folder) {
    const { changes, store, toast } = this.#parts;
    const moving = items.filter((item) => folderOf(item) !== folder);
    if (moving.length === 0) return void (items.length > 0 && toast.show(actionMessages.alreadyThere));
    const { place } = store;
    const isLeaving = leaves(place, folder);
    const leaving = moving.filter((item) => item.kind === "folder" || isLeaving);
    const movement = await this.#run("move", moving, (onProgress) => changes.move(moving, folder, onProgress), leaving);
    if (!movement) return;
    for (const item of movement.done) {
      if (item.kind === "file" && !isLeaving && this.#isAt(place)) store.replace(fileItem({ ...item.file, folder }));
    }
    const { origins, isMoving } = movement;
    const undo = () => this.#undo("move", moving, place, () => changes.undoMove(origins));
    const sentence = report("move", movement, (done) => movedSentence(done, folder));
    this.#tell(isMoving ? `${sentence} ${actionMessages.movingInBackground}` : sentence, movement, {
      undo: origins.ids.size + origins.folders.length > 0 ? undo : undefined,
    });
  }

  /**
   * @param {Item} item
   * @param {string} name
   * @returns {Promise<string>} empty if it has the new name; otherwise a sentence that says why not
   */
  async rename(item, name) {
    const problem = problemOfName(item, name);
    if (problem) return problem;
    if (name === nameOf(item)) return "";
    const { api, store, toast } = this.#parts;
    const { place } = store;
    this.#begin();
    try {
      const renamed = await this.#renamed(item, name, api);
      if (this.#isAt(place)) {
        if (renamed.key === item.key) store.replace(renamed);
        else {
          store.remove([item.key]);
          store.restoreLocally([renamed]);
        }
      }
      toast.show(actionMessages.renamed(nameOf(item), nameOf(renamed)));
      return "";
    } catch (error) {
      return reasonFor(this.#problem(error));
    } finally {
      this.#running -= 1;
    }
  }

  /**
   * @param {Item} item
   * @param {string} name
   * @param {ChangesApi} api
   * @returns {Promise<Item>}
   */
  async #renamed(item, name, api) {
    if (item.kind === "file") return fileItem({ ...item.file, ...(await api.rename(item.key, name)) });
    const { folder } = await api.moveFolder(item.folder, joined(parentOf(item.folder), name));
    return folderAt(item, folder);
  }

  /**
   * @param {string} path of the new folder
   * @returns {Promise<string>} empty if there is a new folder; otherwise a sentence that says why not
   */
  async createFolder(path) {
    const { api, store, toast } = this.#parts;
    this.#begin();
    try {
      const { folder, state } = await api.createFolder(path);
      if (state === "exists") return actionMessages.folderExists;
      const item = folderItem({ folder, name: folder.slice(folder.lastIndexOf("/") + 1), files: 0, bytes: 0 });
      if (isListed(store.place, item)) store.restoreLocally([item]);
      toast.show(actionMessages.folderCreated(item.name));
      return "";
    } catch (error) {
      return reasonFor(this.#problem(error));
    } finally {
      this.#running -= 1;
    }
  }

  /**
   * Downloads a file; a folder as an archive.
   * @param {Item} item
   * @param {(sentence: string) => void} [onFailed] says why a file cannot be downloaded; a toast does by default
   */
  async download(item, onFailed = (sentence) => this.#parts.toast.show(sentence, { isError: true })) {
    if (item.kind === "folder") return await this.downloadZip([item]);
    try {
      await this.#parts.startDownload(item.key);
    } catch (error) {
      onFailed(reasonFor(this.#problem(error)));
    }
  }

  /**
   * Downloads files, and folders with everything inside them, as one archive. Call it in the handler of a click.
   * @param {Item[]} items
   */
  async downloadZip(items) {
    await this.#parts.archives.start(items, this.#parts.store.place);
  }

  /** From now on, Undo would be about this action, which cannot be undone before it is done. */
  #begin() {
    this.#running += 1;
    this.#parts.toast.close();
  }

  /**
   * Removes the items from the list, changes them, and puts back what was not changed.
   * @template {Outcome} Result
   * @param {Verb} verb
   * @param {Item[]} items
   * @param {(onProgress: OnProgress) => Promise<Result>} change
   * @param {Item[]} [leaving] those that leave the list
   * @returns {Promise<Result|null>} null if there are no items
   */
  async #run(verb, items, change, leaving = items) {
    if (items.length === 0) return null;
    const { store, toast } = this.#parts;
    const { place } = store;
    store.remove(leaving.map(({ key }) => key));
    let staying = leaving;
    this.#begin();
    try {
      const outcome = await change((part, count) => {
        if (count > MANY) toast.progress(actionMessages.progress[verb](part, count));
      });
      const kept = new Set(remaining(outcome).map(({ key }) => key));
      staying = leaving.filter(({ key }) => kept.has(key));
      return outcome;
    } finally {
      this.#running -= 1;
      if (staying.length > 0 && this.#isAt(place)) store.restoreLocally(staying);
      this.#parts.onUsageChanged();
    }
  }

  /**
   * @param {Verb} verb
   * @param {Item[]} items that were in the list
   * @param {Place} place in which they were
   * @param {() => Promise<Undoing>} change
   */
  async #undo(verb, items, place, change) {
    const { store, toast } = this.#parts;
    this.#begin();
    try {
      const { count, errors } = await change();
      if (errors.some(isSignedOut)) this.#parts.onSessionEnded();
      if (errors.length === 0) {
        if (this.#isAt(place)) store.restoreLocally(items);
        toast.show(actionMessages.undone);
      } else {
        toast.show(failure(verb, errors, count, nameOf(items[0])), { isError: true });
      }
    } finally {
      this.#running -= 1;
      this.#parts.onUsageChanged();
      store.reload();
    }
  }

  /**
   * @param {string} sentence
   * @param {Outcome} outcome
   * @param {{undo?: () => void}} [options]
   */
  #tell(sentence, { failed }, { undo } = {}) {
    this.#parts.toast.show(sentence, { undo, isError: failed.length > 0 });
    if (failed.some(({ error }) => isSignedOut(error))) this.#parts.onSessionEnded();
  }

  /** @param {string[]} ids */
  #forget(ids) {
    for (const id of ids) this.#parts.onForget(id);
  }

  /** @param {Place} place */
  #isAt(place) {
    return isSamePlace(this.#parts.store.place, place);
  }

  /**
   * @param {unknown} error
   * @returns {ApiError} throws any other error
   */
  #problem(error) {
    if (isSignedOut(error)) this.#parts.onSessionEnded();
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/**
 * @param {Item[]} done
 * @param {string[]} ids of all files that were moved to the trash
 */
function trashedSentence(done, ids) {
  const [first] = done;
  const isFolder = done.length === 1 && first.kind === "folder" && ids.length > 0;
  if (isFolder) return actionMessages.folderTrashed(nameOf(first), ids.length);
  return actionMessages.done.trash(done.length, nameOf(first));
}

/**
 * @param {Item[]} done
 * @param {string} folder
 */
function movedSentence(done, folder) {
  const name = folder.slice(folder.lastIndexOf("/") + 1) || actionMessages.allFiles;
  return actionMessages.movedTo(done.length, nameOf(done[0]), name);
}

/**
 * @param {Place} place
 * @param {string} folder
 * @returns {boolean} whether a file that is moved to this folder leaves the list
 */
function leaves(place, folder) {
  return place.q ? !isWithin(folder, place.folder) : folder !== place.folder;
}

/**
 * @param {Place} place
 * @param {Item} item a folder
 */
function isListed(place, item) {
  return place.view === "files" && place.q === "" && place.type === "" && folderOf(item) === place.folder;
}

/**
 * What the server would not notice, or would say about another field.
 * @param {Item} item
 * @param {string} name
 * @returns {string} a sentence; empty if there is no problem
 */
function problemOfName(item, name) {
  if (name.trim() === "") return actionMessages.enterName;
  return item.kind === "folder" && name.includes("/") ? actionMessages.noSlash : "";
}
