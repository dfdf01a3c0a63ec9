import { bytes } from "./format.js";
import { fill, gettext, ngettext, number } from "./language.js";
import { explain, messages } from "./messages.js";
import { displayName } from "./names.js";

/** @typedef {"trash"|"restore"|"remove"|"move"} Verb what was done to items; "remove": permanently */
/** @typedef {(count: number, name: string) => string} OfItems the name is that of a single item */
/** @typedef {{code: string, message?: string}} Problem */

/** What has happened to items. @type {Record<Verb, OfItems>} */
const done = {
  trash: (count, name) =>
    ofItems(
      count,
      name,
      gettext("“%(name)s” was moved to the trash."),
      ngettext("%(count)s item was moved to the trash.", "%(count)s items were moved to the trash.", count),
    ),
  restore: (count, name) =>
    ofItems(
      count,
      name,
      gettext("“%(name)s” was restored."),
      ngettext("%(count)s item was restored.", "%(count)s items were restored.", count),
    ),
  remove: (count, name) =>
    ofItems(
      count,
      name,
      gettext("“%(name)s” was deleted permanently."),
      ngettext("%(count)s item was deleted permanently.", "%(count)s items were deleted permanently.", count),
    ),
  move: (count, name) =>
    ofItems(
      count,
      name,
      gettext("“%(name)s” was moved."),
      ngettext("%(count)s item was moved.", "%(count)s items were moved.", count),
    ),
};

/** What has not happened to a single item. @type {Record<Verb, (name: string) => string>} */
const failedOne = {
  trash: (name) => named(gettext("“%(name)s” could not be moved to the trash."), name),
  restore: (name) => named(gettext("“%(name)s” could not be restored."), name),
  remove: (name) => named(gettext("“%(name)s” could not be deleted."), name),
  move: (name) => named(gettext("“%(name)s” could not be moved."), name),
};

/** The same for several. @type {Record<Verb, (failed: number, count: number) => string>} */
const failedMany = {
  trash: (failed, count) =>
    ofCount(
      failed,
      count,
      ngettext(
        "%(failed)s of %(count)s could not be moved to the trash:",
        "%(failed)s of %(count)s could not be moved to the trash:",
        failed,
      ),
    ),
  restore: (failed, count) =>
    ofCount(
      failed,
      count,
      ngettext(
        "%(failed)s of %(count)s could not be restored:",
        "%(failed)s of %(count)s could not be restored:",
        failed,
      ),
    ),
  remove: (failed, count) =>
    ofCount(
      failed,
      count,
      ngettext(
        "%(failed)s of %(count)s could not be deleted:",
        "%(failed)s of %(count)s could not be deleted:",
        failed,
      ),
    ),
  move: (failed, count) =>
    ofCount(
      failed,
      count,
      ngettext("%(failed)s of %(count)s could not be moved:", "%(failed)s of %(count)s could not be moved:", failed),
    ),
};

/** What is being done to many items. @type {Record<Verb, (part: number, count: number) => string>} */
const progress = {
  trash: (part, count) => ofWhole(gettext("Moving to the trash… %(part)s of %(count)s"), part, count),
  restore: (part, count) => ofWhole(gettext("Restoring… %(part)s of %(count)s"), part, count),
  remove: (part, count) => ofWhole(gettext("Deleting… %(part)s of %(count)s"), part, count),
  move: (part, count) => ofWhole(gettext("Moving… %(part)s of %(count)s"), part, count),
};

/** The messages about actions on files and folders. */
export const actionMessages = {
  done,
  failedOne,
  failedMany,
  progress,
  /** @type {(name: string, files: number) => string} */
  folderTrashed: (name, files) =>
    fill(
      ngettext(
        "“%(name)s” was deleted, and its %(count)s file was moved to the trash.",
        "“%(name)s” was deleted, and its %(count)s files were moved to the trash.",
        files,
      ),
      { name: displayName(name), count: number(files) },
    ),
  /** @type {(count: number, name: string, folder: string) => string} */
  movedTo: (count, name, folder) =>
    fill(
      count === 1
        ? gettext("“%(name)s” was moved to “%(folder)s”.")
        : ngettext("%(count)s item was moved to “%(folder)s”.", "%(count)s items were moved to “%(folder)s”.", count),
      { name: displayName(name), folder: displayName(folder), count: number(count) },
    ),
  movingInBackground: gettext("Large folders are still being moved; this continues without this page."),
  alreadyThere: gettext("This is already there."),
  undone: gettext("Undone."),
  undo: gettext("Undo"),
  /** @type {(sentence: string, keys: string) => string} */
  canBeUndone: (sentence, keys) => fill(gettext("%(sentence)s Press %(keys)s to undo."), { sentence, keys }),
  emptying: gettext("Emptying the trash…"),
  /** @type {(count: number) => string} */
  emptied: (count) =>
    counted(
      ngettext(
        "The trash is empty. %(count)s file was deleted permanently.",
        "The trash is empty. %(count)s files were deleted permanently.",
        count,
      ),
      count,
    ),
  wasEmpty: gettext("The trash is empty."),
  /** @type {(count: number) => string} */
  notEmptied: (count) =>
    counted(
      ngettext(
        "%(count)s file could not be deleted and is still in the trash. Try again.",
        "%(count)s files could not be deleted and are still in the trash. Try again.",
        count,
      ),
      count,
    ),
  /** @type {(problem: Problem) => string} */
  emptyingFailed: (problem) =>
    fill(gettext("The trash may not be empty yet. %(reason)s"), { reason: reasonFor(problem) }),
  /** @type {(oldName: string, newName: string) => string} */
  renamed: (oldName, newName) =>
    fill(gettext("“%(old)s” is now called “%(new)s”."), { old: displayName(oldName), new: displayName(newName) }),
  /** @type {(name: string) => string} */
  folderCreated: (name) => named(gettext("The folder “%(name)s” was created."), name),
  folderExists: gettext("There is already a folder with this name. Choose another name."),
  noSlash: gettext("The name of a folder cannot contain a slash."),
  enterName: gettext("Enter a name."),
  /** @type {(name: string) => string} */
  renameLabel: (name) => named(gettext("New name of %(name)s"), name),
  /** @type {(name: string) => string} */
  menuLabel: (name) => named(gettext("Actions for %(name)s"), name),
  allFiles: gettext("All files"),
  /** @type {(folder: string) => string} */
  moveTo: (folder) => fill(gettext("Move to “%(folder)s”"), { folder: displayName(folder) }),
  moveHere: gettext("Move"),
  /** @type {(count: number, name: string) => string} */
  moveTitle: (count, name) =>
    ofItems(count, name, gettext("Move “%(name)s”"), ngettext("Move %(count)s item", "Move %(count)s items", count)),
  /** @type {(count: number) => string} */
  items: (count) => counted(ngettext("%(count)s item", "%(count)s items", count), count),

  /** What is selected. @type {(files: number, folders: number, size: number) => string} */
  selected: (files, folders, size) => {
    const all = counted(ngettext("%(count)s selected", "%(count)s selected", files + folders), files + folders);
    if (files === 0) return all;
    if (folders === 0) return fill(gettext("%(selected)s · %(size)s"), { selected: all, size: bytes(size) });
    const some = counted(ngettext("%(count)s file", "%(count)s files", files), files);
    return fill(gettext("%(selected)s · %(files)s: %(size)s"), { selected: all, files: some, size: bytes(size) });
  },
  /** @type {(count: number) => string} */
  selecting: (count) => counted(ngettext("Selecting… %(count)s so far", "Selecting… %(count)s so far", count), count),
  /** @type {(count: number, reason: string) => string} */
  selectionIncomplete: (count, reason) =>
    fill(
      ngettext(
        "Only %(count)s item could be selected. %(reason)s",
        "Only %(count)s items could be selected. %(reason)s",
        count,
      ),
      { count: number(count), reason },
    ),

  /** @type {(count: number) => string} */
  moreThan: (count) => counted(ngettext("More than %(count)s file", "More than %(count)s files", count), count),

  /** @type {Record<string, string>} */
  action: {
    open: gettext("Open"),
    preview: gettext("Preview"),
    download: gettext("Download"),
    downloadZip: gettext("Download as ZIP"),
    rename: gettext("Rename"),
    move: gettext("Move…"),
    trash: gettext("Delete"),
    restore: gettext("Restore"),
    deletePermanently: gettext("Delete permanently"),
    details: gettext("Details"),
  },

  archive: {
    /** @type {(files: number) => string} */
    collecting: (files) =>
      counted(ngettext("Finding files… %(count)s so far", "Finding files… %(count)s so far", files), files),
    /** @type {(name: string, files: number, size: number) => string} */
    ready: (name, files, size) =>
      fill(
        ngettext(
          "“%(name)s” is ready to be saved: %(count)s file, %(size)s.",
          "“%(name)s” is ready to be saved: %(count)s files, %(size)s.",
          files,
        ),
        { name: displayName(name), count: number(files), size: bytes(size) },
      ),
    /** @type {(name: string) => string} */
    making: (name) => named(gettext("Making “%(name)s”"), name),
    /** @type {(written: number, total: number) => string} */
    progress: (written, total) => messages.of(bytes(written), bytes(total)),
    /** @type {(name: string) => string} */
    saved: (name) => named(gettext("“%(name)s” was saved."), name),
    cancelled: gettext("Cancelled. No archive was saved."),
    empty: gettext("There are no files in this selection, so there is no archive to make."),
    busy: gettext("An archive is being made already. Wait until it is finished, or cancel it."),
    /** @type {(name: string) => string} */
    gone: (name) =>
      named(gettext("“%(name)s” was deleted or moved to the trash in the meantime, so no archive was saved."), name),
    /** @type {(problem: Problem) => string} */
    notCollected: (problem) =>
      fill(gettext("The archive could not be made. %(reason)s"), { reason: reasonFor(problem) }),
  },
};

/** Why a file or a folder was not changed, by the server's codes; see docs/contract.md. @type {Record<string, string>} */
const reasons = {
  file_not_found: gettext("This file no longer exists."),
  folder_not_found: gettext("This folder no longer exists. It was deleted, renamed or moved in the meantime."),
  folder_exists: gettext("There is already a folder with this name. Rename one of the two first."),
  folder_not_empty: gettext("Something was added to this folder in the meantime. Try again."),
  folder_moving: gettext("This folder is still being moved. Try again when that is done."),
  folder_into_itself: gettext("A folder cannot be moved into itself."),
  invalid_folder: gettext("This name is not allowed for a folder, or the path would be too long."),
  name_too_long: gettext("This name is too long. Shorten it."),
  invalid_name: gettext("This name has characters that are not allowed, or nothing that can be seen."),
  missing_file_name: gettext("Enter a name."),
};

/**
 * @param {Problem} problem of a file or a folder
 * @returns {string} why it was not changed, as a sentence
 */
export function reasonFor(problem) {
  return Object.hasOwn(reasons, problem.code) ? reasons[problem.code] : explain(problem);
}

/**
 * @param {number} count
 * @param {string} name
 * @param {string} one sentence with the name
 * @param {string} many sentence with the count
 */
function ofItems(count, name, one, many) {
  return count === 1 ? named(one, name) : counted(many, count);
}

/**
 * @param {number} failed
 * @param {number} count
 * @param {string} sentence
 */
function ofCount(failed, count, sentence) {
  return fill(sentence, { failed: number(failed), count: number(count) });
}

/**
 * @param {string} sentence
 * @param {number} part
 * @param {number} count
 */
function ofWhole(sentence, part, count) {
  return fill(sentence, { part: number(part), count: number(count) });
}

/**
 * @param {string} sentence
 * @param {number} count
 */
function counted(sentence, count) {
  return fill(sentence, { count: number(count) });
}

/**
 * @param {string} sentence
 * @param {string} name
 */
function named(sentence, name) {
  return fill(sentence, { name: displayName(name) });
}
