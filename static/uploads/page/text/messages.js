import { enumerate, fill, gettext, ngettext, number } from "./language.js";
import { displayName } from "./names.js";

/** The maximum number of names in one sentence. */
const MAX_NAMES = 4;

/** @typedef {(count: number) => string} OfCount */
/** @typedef {(name: string) => string} OfName */
/** @typedef {(count: number, name: string, why: string) => string} Announcement the name is that of a single file */
/** @typedef {{maxSize: string, types: string}} Limits formatted for display */

/**
 * Every message that scripts show, except those in interrupted.js. A message from the server is shown only if there is none for its code here.
 */
export const messages = {
  state: {
    queued: gettext("Waiting"),
    hashing: gettext("Checking"),
    uploading: gettext("Uploading"),
    confirming: gettext("Confirming…"),
    stored: gettext("Stored"),
    pausing: gettext("Pausing…"),
    paused: gettext("Paused"),
    failed: gettext("Failed"),
    cancelled: gettext("Cancelled"),
    rejected: gettext("Rejected"),
  },

  /** Why an upload is waiting. */
  waiting: {
    offline: gettext("No connection. Resumes automatically."),
    retry: gettext("Connection interrupted. Retrying…"),
    rate_limited: gettext("The server is limiting requests. Resumes automatically."),
    signed_out: gettext("Waiting until you sign in again."),
    other_tab: gettext("This file is already being uploaded, here or in another tab. Waiting for it to finish."),
  },

  session: {
    renewed: gettext("You are signed in again. Uploads continue."),
    unreachable: gettext("The server cannot be reached. Check your connection and try again."),
    /** @type {OfCount} */
    tooManyAttempts: (minutes) =>
      counted(
        ngettext(
          "There were too many failed attempts to sign in. Try again in %(count)s minute.",
          "There were too many failed attempts to sign in. Try again in %(count)s minutes.",
          minutes,
        ),
        minutes,
      ),
    failed: gettext("You could not be signed in. Try again, or reload the page."),
  },
  fileDeleted: gettext("This file was deleted."),
  pausing: gettext("finishing current transfers"),
  pauseLabel: { pause: gettext("Pause"), stop: gettext("Stop now") },
  alreadyStored: gettext("Already in your files. Not uploaded again."),
  scanning: gettext("Checking for malware… You can close this page; the file will appear in your list."),
  slow: gettext(
    "Still confirming. This is taking longer than usual. You can close this page; the file will appear in your list.",
  ),
  /** @type {(size: string) => string} */
  allSent: (size) => fill(gettext("%(size)s, waiting for storage to respond"), { size }),
  /** @type {(sent: string, total: string) => string} */
  of: (sent, total) => fill(gettext("%(sent)s of %(total)s"), { sent, total }),
  /** @type {(percent: string) => string} */
  resumedAt: (percent) => fill(gettext("resumed at %(percent)s"), { percent }),
  /** @type {(size: string) => string} */
  speed: (size) => fill(gettext("%(size)s/s"), { size }),
  /** @type {(duration: string) => string} */
  timeLeft: (duration) => fill(gettext("%(duration)s left"), { duration }),
  justNow: gettext("just now"),
  /** @type {((size: string, count: number) => string)[]} */
  size: [
    (size, count) => fill(ngettext("%(size)s byte", "%(size)s bytes", count), { size }),
    (size) => fill(gettext("%(size)s kB"), { size }),
    (size) => fill(gettext("%(size)s MB"), { size }),
    (size) => fill(gettext("%(size)s GB"), { size }),
    (size) => fill(gettext("%(size)s TB"), { size }),
    (size) => fill(gettext("%(size)s PB"), { size }),
  ],

  /** @type {OfName} */
  progressLabel: (name) => named(gettext("Progress of %(name)s"), name),
  /** @type {(state: string, percent: string) => string} */
  progressValue: (state, percent) => fill(gettext("%(state)s, %(percent)s"), { state, percent }),
  /** @type {Record<string, OfName>} */
  actionLabel: {
    pause: (name) => named(gettext("Pause the upload of %(name)s"), name),
    stop: (name) => named(gettext("Stop the upload of %(name)s now"), name),
    resume: (name) => named(gettext("Resume the upload of %(name)s"), name),
    cancel: (name) => named(gettext("Cancel the upload of %(name)s"), name),
    retry: (name) => named(gettext("Retry the upload of %(name)s"), name),
    again: (name) => named(gettext("Upload %(name)s again"), name),
    dismiss: (name) => named(gettext("Dismiss %(name)s"), name),
  },

  /** All uploads together. */
  overall: {
    /** @type {(stored: number, count: number) => string} */
    files: (stored, count) =>
      fill(ngettext("%(stored)s of %(count)s file stored", "%(stored)s of %(count)s files stored", count), {
        stored: number(stored),
        count: number(count),
      }),
    /** @type {OfCount} */
    confirming: (count) =>
      counted(
        ngettext(
          "Upload complete. %(count)s file is being confirmed.",
          "Upload complete. %(count)s files are being confirmed.",
          count,
        ),
        count,
      ),
    paused: gettext("Paused"),
    offline: gettext("Waiting for a connection"),
    signedOut: gettext("Waiting until you sign in again"),
    /** @type {(percent: string, title: string) => string} */
    title: (percent, title) => fill(gettext("%(percent)s · %(title)s"), { percent, title }),
  },
  /** @type {Record<"active"|"paused"|"confirming"|"stored", OfCount>} */
  summary: {
    active: (count) => counted(ngettext("%(count)s remaining", "%(count)s remaining", count), count),
    paused: (count) => counted(ngettext("%(count)s paused", "%(count)s paused", count), count),
    confirming: (count) => counted(ngettext("%(count)s being confirmed", "%(count)s being confirmed", count), count),
    stored: (count) => counted(ngettext("%(count)s stored", "%(count)s stored", count), count),
  },
  /** @type {OfCount} */
  showFailed: (count) => counted(ngettext("%(count)s failed", "%(count)s failed", count), count),

  /** @type {(count: number, notUploaded: number) => string} */
  stored: (count, notUploaded) =>
    counted(
      notUploaded > 0
        ? ngettext("%(count)s file is stored.", "%(count)s files are stored.", count)
        : ngettext("The file is stored.", "All %(count)s files are stored.", count),
      count,
    ),

  /** Uploads that have no row. @type {Record<string, OfCount>} */
  hidden: {
    failed: (count) =>
      counted(
        ngettext("%(count)s more file was not uploaded.", "%(count)s more files were not uploaded.", count),
        count,
      ),
    moving: (count) =>
      counted(
        ngettext("%(count)s more file is being uploaded.", "%(count)s more files are being uploaded.", count),
        count,
      ),
    queued: (count) =>
      counted(ngettext("%(count)s more file is waiting.", "%(count)s more files are waiting.", count), count),
    paused: (count) =>
      counted(ngettext("%(count)s more file is paused.", "%(count)s more files are paused.", count), count),
    confirming: (count) =>
      counted(
        ngettext("%(count)s more file is being confirmed.", "%(count)s more files are being confirmed.", count),
        count,
      ),
    cancelled: (count) =>
      counted(ngettext("%(count)s more upload was cancelled.", "%(count)s more uploads were cancelled.", count), count),
    stored: (count) =>
      counted(ngettext("%(count)s more file is stored.", "%(count)s more files are stored.", count), count),
  },
  /** @type {OfCount} */
  showMore: (count) => counted(ngettext("Show %(count)s more", "Show %(count)s more", count), count),
  /** @type {OfCount} */
  cancelAll: (count) =>
    counted(
      ngettext(
        "%(count)s file is not stored yet. Its partial upload will be discarded.",
        "%(count)s files are not stored yet. Their partial uploads will be discarded.",
        count,
      ),
      count,
    ),

  reading: gettext("Reading folder…"),
  /** @type {OfCount} */
  readingCount: (count) =>
    counted(ngettext("Reading folder… %(count)s file so far", "Reading folder… %(count)s files so far", count), count),
  noFiles: gettext("No files found. Choose or drop something else."),
  /** @type {(names: string[]) => string} */
  unreadable: (names) =>
    names.length > MAX_NAMES
      ? fill(
          ngettext(
            "%(count)s file or folder could not be read and was skipped: %(names)s. Check its permissions, then add it again.",
            "%(count)s files and folders could not be read and were skipped, including %(names)s. Check their permissions, then add them again.",
            names.length,
          ),
          { count: number(names.length), names: listed(names.slice(0, MAX_NAMES)) },
        )
      : fill(
          ngettext(
            "%(names)s could not be read and was skipped. Check its permissions, then add it again.",
            "%(names)s could not be read and were skipped. Check their permissions, then add them again.",
            names.length,
          ),
          { names: listed(names) },
        ),

  /** @type {(names: string[]) => string} */
  leftOut: (names) =>
    names.length === 1
      ? named(gettext("%(name)s belongs to the operating system and was left out."), names[0])
      : named(
          ngettext(
            "%(count)s file of the operating system was left out, such as %(name)s.",
            "%(count)s files of the operating system were left out, such as %(name)s.",
            names.length,
          ),
          names[0],
          { count: number(names.length) },
        ),
  /** @type {OfCount} */
  shortened: (count) =>
    counted(
      ngettext(
        "The path of %(count)s file is too long. Some of its folders are missing from its name.",
        "The paths of %(count)s files are too long. Some of their folders are missing from their names.",
        count,
      ),
      count,
    ),

  offline: gettext("You are offline. Uploads resume automatically when you are back online."),
  online: gettext("You are back online."),

  listNotCurrent: gettext("The list shows the previous result."),

  announce: {
    /** @type {Announcement} */
    added: (count, name) =>
      count === 1
        ? named(gettext("%(name)s added."), name)
        : counted(ngettext("%(count)s file added.", "%(count)s files added.", count), count),
    /** @type {Announcement} */
    stored: (count, name) =>
      count === 1
        ? named(gettext("%(name)s stored."), name)
        : counted(ngettext("%(count)s file stored.", "%(count)s files stored.", count), count),
    /** @type {(stored: number, count: number) => string} */
    milestone: (stored, count) =>
      fill(ngettext("%(stored)s of %(count)s file stored.", "%(stored)s of %(count)s files stored.", count), {
        stored: number(stored),
        count: number(count),
      }),
    /** @type {Announcement} */
    alreadyStored: (count, name) =>
      count === 1
        ? named(gettext("%(name)s is already in your files and was not uploaded again."), name)
        : counted(
            ngettext(
              "%(count)s file is already in your files and was not uploaded again.",
              "%(count)s files are already in your files and were not uploaded again.",
              count,
            ),
            count,
          ),
    /** @type {Announcement} */
    failed: (count, name, why) =>
      count === 1
        ? named(gettext("Upload of %(name)s failed: %(why)s"), name, { why })
        : counted(ngettext("%(count)s upload failed.", "%(count)s uploads failed.", count), count),
    /** @type {Announcement} */
    rejected: (count, name, why) =>
      count === 1
        ? named(gettext("%(name)s was rejected: %(why)s"), name, { why })
        : counted(ngettext("%(count)s file was rejected.", "%(count)s files were rejected.", count), count),
    /** @type {OfCount} */
    notUploaded: (count) =>
      counted(ngettext("%(count)s file was not uploaded.", "%(count)s files were not uploaded.", count), count),
  },
};

/** @type {(limits: Limits) => string} */
const tooLarge = ({ maxSize }) =>
  fill(gettext("This file exceeds the limit of %(size)s. Choose a smaller file."), { size: maxSize });
const sessionEnded = () => gettext("Your session has expired. Sign in again, then retry.");
const refused = () =>
  gettext("Storage did not accept this file. Try again. If the problem persists, contact your administrator.");
const serverBroken = () => gettext("Something went wrong on the server. Try again in a moment.");

/**
 * By the codes of the upload client and the server; see docs/uploader.md and docs/contract.md.
 * @type {Record<string, (limits: Limits) => string>}
 */
const problems = {
  too_large: tooLarge,
  file_too_large: tooLarge,
  quota_exceeded: () =>
    gettext("There is not enough space left for this file. Delete files that you no longer need, then try again."),
  rate_limited: () => gettext("Too many requests. Try again in a few minutes."),
  unknown_destination: () =>
    gettext("This destination does not exist any more. Choose another one and select the file again."),
  type_not_allowed: ({ types }) =>
    fill(gettext("Files of this type are not accepted. Choose a file of one of these types: %(types)s."), { types }),
  invalid_content_type: () =>
    gettext("The type of this file was not recognised. Add the usual file extension, then select the file again."),
  name_too_long: () => gettext("The name of this file is too long. Shorten it, then select the file again."),
  invalid_name: () =>
    gettext("The name of this file contains characters that are not allowed. Rename the file, then select it again."),
  invalid_folder: () =>
    gettext("The name of a folder contains characters that are not allowed. Rename it, then select the files again."),
  missing_file_name: () => gettext("This file has no name. Name it, then select it again."),
  unsupported: () => gettext("Your browser lacks a function that uploads need. Update it, or use another browser."),
  unreadable: () => gettext("This file can no longer be read. It may have been moved or changed. Select it again."),
  // The code cannot be renamed. It means that the bytes changed on the way to S3; a file that changed on disk is
  // `unreadable`.
  changed: () => gettext("The file was corrupted in transit and discarded. Try again."),
  connection_lost: () => gettext("The connection to storage was interrupted. Check your connection and try again."),
  storage_refused: refused,
  parts_missing: refused,
  timeout: () => gettext("The server did not respond in time. Try again in a moment."),
  network: () => gettext("The server cannot be reached. Check your connection and try again."),
  unavailable: () => gettext("Storage is not responding. Try again in a moment."),
  no_credentials: () => gettext("filehub currently has no access to its storage. Contact your administrator."),
  internal_error: serverBroken,
  unreadable_answer: serverBroken,
  too_many_ids: serverBroken,
  deleted: () => gettext("This file was deleted before it was confirmed. Upload it again if you need it."),
  session_ended: sessionEnded,
  not_authenticated: sessionEnded,
  csrf_failed: () => gettext("You have signed in again in the meantime. Try again."),
  forbidden: () => gettext("You don't have permission to do this. Contact your administrator."),
  file_not_found: () => gettext("This file no longer exists. Reload the page to update the list."),
  being_deleted: () => gettext("This file is already being deleted."),
  upload_not_found: () =>
    gettext("This upload no longer exists in storage. Try again to upload the file from the beginning."),
  upload_expired: () => gettext("This upload has expired. Try again to upload the file from the beginning."),
};

/** What a response means that has no code, because it comes from a proxy. @type {Record<number, string>} */
const CODES = { 401: "session_ended", 429: "rate_limited", 502: "unavailable", 503: "unavailable", 504: "unavailable" };

/** @param {number} status of a response */
function codeOf(status) {
  return CODES[status] ?? (status >= 500 ? "internal_error" : "");
}

/**
 * @param {{code?: string, message?: string, status?: number}|null} problem
 * @param {Limits} [limits] for the problems of an upload
 * @returns {string} what went wrong, and what the user can do
 */
export function explain(problem, limits = { maxSize: "", types: "" }) {
  if (problem?.code === "rejected") {
    const next = gettext("Choose another file, or contact your administrator.");
    return problem.message ? `${problem.message} ${next}` : next;
  }
  const code = problem?.code || (problem?.message ? "" : codeOf(problem?.status ?? 0));
  return problems[code]?.(limits) ?? (problem?.message || gettext("Something went wrong. Try again."));
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
 * @param {Record<string, string>} [values]
 */
function named(sentence, name, values = {}) {
  return fill(sentence, { ...values, name: displayName(name) });
}

/** @param {string[]} names */
function listed(names) {
  return enumerate(names.map(displayName));
}
