import { fill, gettext, ngettext, number } from "./language.js";
import { explain } from "./messages.js";
import { displayName } from "./names.js";

/** @typedef {"another_file"|"file_changed"|"permission_denied"|"file_missing"|"file_unreadable"} Problem why an upload was not continued */

/** @type {(sentence: string) => (name: string) => string} */
const about = (sentence) => (name) => fill(sentence, { name: displayName(name) });
/** @type {(sentence: string, count: number) => string} */
const counted = (sentence, count) => fill(sentence, { count: number(count) });

/** The messages about uploads that a reload or a crash has interrupted. */
export const interrupted = {
  state: { interrupted: gettext("Interrupted"), checking: gettext("Checking"), removing: gettext("Removing…") },
  /** @type {(percent: string) => string} */
  safe: (percent) => fill(gettext("%(percent)s is safe"), { percent }),
  /** @type {(percent: string) => string} */
  safeAtLeast: (percent) => fill(gettext("At least %(percent)s is safe"), { percent }),
  nothingSafe: gettext("Nothing has been uploaded yet"),
  choose: gettext("Choose it again to continue"),
  ready: gettext("Ready to continue"),
  progressLabel: about(gettext("Progress of %(name)s")),
  actionLabel: {
    continue: about(gettext("Continue the upload of %(name)s")),
    choose: about(gettext("Choose file to continue the upload of %(name)s")),
    new: about(gettext("Upload as a new file: %(name)s")),
    remove: about(gettext("Remove the unfinished upload of %(name)s")),
  },
  /** @type {Record<Problem, (chosen: string) => string>} */
  problem: {
    another_file: about(
      gettext("%(name)s is another file. Choose the file of this upload, or upload %(name)s as a new file."),
    ),
    file_changed: () =>
      gettext(
        "This file has changed since its upload began, so it cannot be continued. You can upload it as a new file.",
      ),
    permission_denied: () => gettext("Your browser was not allowed to read the file. Choose it again to continue."),
    file_missing: () => gettext("The file is no longer where it was. Choose it again to continue."),
    file_unreadable: () =>
      gettext("The file could not be read. Close other programs that use it, then choose it again."),
  },
  /** @type {(error: {code: string, message: string}) => string} */
  notRemoved: (error) => fill(gettext("Not removed. %(reason)s"), { reason: explain(error) }),
  removed: about(gettext("The unfinished upload of %(name)s was removed.")),
  completed: about(gettext("%(name)s was already complete. It is in your files, or will appear there soon.")),
  /** @type {(count: number) => string} */
  announce: (count) =>
    counted(
      ngettext(
        "%(count)s unfinished upload can be continued.",
        "%(count)s unfinished uploads can be continued.",
        count,
      ),
      count,
    ),
  /** @type {(count: number) => string} */
  summary: (count) => counted(ngettext("%(count)s interrupted", "%(count)s interrupted", count), count),
};
