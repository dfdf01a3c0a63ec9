import { fill, gettext, ngettext, number } from "./language.js";
import { displayName } from "./names.js";

/** @typedef {import("../files/types.js").Sort} Sort */

/** Every message of the list. */
export const listMessages = {
  /** @type {(used: string, limit: string) => string} */
  quota: (used, limit) => fill(gettext("%(used)s of %(limit)s used"), { used, limit }),

  views: {
    files: gettext("Files"),
    scanning: gettext("Being checked"),
    trash: gettext("Trash"),
    rejected: gettext("Rejected uploads"),
  },
  scanning: gettext("Checking for malware…"),
  allFiles: gettext("All files"),
  folder: gettext("Folder"),
  withoutSubfolders: gettext("Files directly in this folder, without its subfolders"),

  /** The type groups; "" for all. @type {Record<string, string>} */
  types: {
    "": gettext("All types"),
    image: gettext("Images"),
    video: gettext("Videos"),
    audio: gettext("Audio"),
    pdf: "PDF",
    document: gettext("Documents"),
    text: gettext("Text"),
    code: gettext("Code"),
    archive: gettext("Archives"),
    other: gettext("Other"),
  },
  /** @type {Record<Sort, string>} */
  sorts: {
    "-date": gettext("Newest first"),
    date: gettext("Oldest first"),
    name: gettext("Name A–Z"),
    "-name": gettext("Name Z–A"),
  },
  layout: { list: gettext("Show as a list"), tiles: gettext("Show as tiles") },
  columns: { date: gettext("Added"), trashed: gettext("Deleted") },

  searchAll: gettext("Search by name"),
  /** @type {(folder: string) => string} */
  searchIn: (folder) => fill(gettext("Search in %(folder)s"), { folder: displayName(folder) }),

  /** @type {(count: number) => string} */
  files: (count) => counted(ngettext("%(count)s file", "%(count)s files", count), count),
  /** @type {(count: number, size: string) => string} */
  filesAndSize: (count, size) =>
    fill(ngettext("%(count)s file, %(size)s", "%(count)s files, %(size)s", count), { count: number(count), size }),
  /** Of the root, which counts the files of all folders. @type {(count: number, size: string) => string} */
  filesInTotal: (count, size) =>
    fill(ngettext("%(count)s file in total, %(size)s", "%(count)s files in total, %(size)s", count), {
      count: number(count),
      size,
    }),
  /** Of a folder, without its subfolders. @type {(count: number, size: string) => string} */
  filesHere: (count, size) =>
    fill(ngettext("%(count)s file here, %(size)s", "%(count)s files here, %(size)s", count), {
      count: number(count),
      size,
    }),
  /** @type {(count: number) => string} */
  found: (count) => counted(ngettext("%(count)s match", "%(count)s matches", count), count),
  /** @type {(count: number) => string} */
  foundSoFar: (count) => counted(ngettext("%(count)s match so far", "%(count)s matches so far", count), count),
  /** @type {(count: number) => string} */
  soFar: (count) => counted(ngettext("%(count)s file so far", "%(count)s files so far", count), count),
  /** @type {(count: number) => string} */
  examined: (count) => counted(ngettext("%(count)s file searched.", "%(count)s files searched.", count), count),
  keepSearching: gettext("Keep searching"),
  loadingMore: gettext("Loading more…"),
  searching: gettext("Searching…"),

  /** @type {(name: string) => string} */
  select: (name) => named(gettext("Select %(name)s"), name),
  /** @type {(name: string) => string} */
  download: (name) => named(gettext("Download %(name)s"), name),
  /** @type {(name: string) => string} */
  trash: (name) => named(gettext("Delete %(name)s"), name),
  /** @type {(name: string) => string} */
  restore: (name) => named(gettext("Restore %(name)s"), name),
  /** @type {(name: string) => string} */
  more: (name) => named(gettext("More actions for %(name)s"), name),
  /** @type {(folder: string) => string} */
  inFolder: (folder) => fill(gettext("in %(folder)s"), { folder: displayName(folder) }),
  /** @type {(date: string) => string} */
  purgedOn: (date) => fill(gettext("Deleted permanently on %(date)s"), { date }),
  noReason: gettext("It broke a rule for uploads."),

  empty: {
    root: {
      title: gettext("No files yet"),
      text: gettext("Drop a file anywhere on this page. It appears here as soon as it is stored."),
    },
    folder: {
      title: gettext("This folder is empty"),
      text: gettext("Drop files anywhere on this page to upload them into this folder."),
    },
    type: {
      title: gettext("No files of this type here"),
      text: gettext("Folders are hidden while files are filtered."),
    },
    trash: { title: gettext("The trash is empty"), text: gettext("Files that you delete are kept here for a while.") },
    scanning: {
      title: gettext("No files are being checked"),
      text: gettext("New files are checked for malware before they appear in your list."),
    },
    rejected: {
      title: gettext("No upload was rejected in the last 28 days"),
      text: gettext("Files that break a rule are not stored. They are listed here with the reason."),
    },
    missing: {
      title: gettext("This folder does not exist"),
      text: gettext("It may have been moved, renamed or deleted."),
    },
    failed: {
      title: gettext("Your files cannot be listed at the moment"),
      text: gettext("Your files are safe; only the list is unavailable."),
    },
  },
  /** @type {(q: string) => string} */
  noMatch: (q) => fill(gettext("No file name contains “%(q)s”"), { q: displayName(q) }),
  /** @type {(q: string) => string} */
  noMatchYet: (q) => fill(gettext("No match for “%(q)s” so far"), { q: displayName(q) }),
  searchHint: gettext("The search looks anywhere in the names of your files, and ignores case and accents."),
  clearSearch: gettext("Clear the search"),
  searchEverywhere: gettext("Search all files"),
  showAllTypes: gettext("Show all types"),
  showAllFiles: gettext("Show all files"),
  tryAgain: gettext("Try again"),

  /** Announced when another place is shown. @type {(name: string, count: string) => string} */
  opened: (name, count) => fill(gettext("%(name)s: %(count)s"), { name: displayName(name), count }),
  /** @type {(folder: string) => string} */
  moving: (folder) => fill(gettext("This folder is being moved to %(folder)s."), { folder: displayName(folder) }),
};

/** About uploads that ended while the tab was hidden. */
export const finishMessages = {
  /** @type {(stored: number, notUploaded: number) => string} */
  ended: (stored, notUploaded) =>
    [
      stored > 0 ? counted(ngettext("%(count)s file is stored.", "%(count)s files are stored.", stored), stored) : "",
      notUploaded > 0
        ? counted(
            ngettext("%(count)s file was not uploaded.", "%(count)s files were not uploaded.", notUploaded),
            notUploaded,
          )
        : "",
    ]
      .filter(Boolean)
      .join(" "),
};

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
