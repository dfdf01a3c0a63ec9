import { bytes } from "./format.js";
import { fill, gettext, number } from "./language.js";
import { displayName } from "./names.js";

/** @import { PreviewCode } from "../files/preview/problem.js" */

/** What the preview says. */
export const previewMessages = {
  /** @type {(index: number, count: number) => string} */
  position: (index, count) => fill(gettext("%(index)s of %(count)s"), { index: number(index), count: number(count) }),
  /** @type {(limit: number) => string} */
  beginning: (limit) =>
    fill(gettext("Only the first %(size)s is shown. Download the file to read all of it."), { size: bytes(limit) }),
  /** @type {(name: string) => string} */
  contentOf: (name) => fill(gettext("Content of %(name)s"), { name: displayName(name) }),
  originalSize: gettext("Original size"),
  fitToScreen: gettext("Fit to screen"),
  root: gettext("Files"),
  /** @type {(count: number) => string} */
  exactSize: (count) =>
    count < 1000
      ? bytes(count)
      : fill(gettext("%(size)s (%(count)s bytes)"), { size: bytes(count), count: number(count) }),
  /** @type {(time: string) => string} */
  utc: (time) => fill(gettext("%(time)s UTC"), { time }),
};

/**
 * What is shown instead of a file.
 * @typedef {object} Explanation
 * @property {string} title
 * @property {string} text
 * @property {boolean} [retry] whether trying again may help
 * @property {boolean} [download] whether the file can be opened with another program
 */

const noPreview = gettext("No preview");
const failed = gettext("The preview could not be loaded");

/** @type {Record<PreviewCode, Explanation>} */
const explanations = {
  type: {
    title: noPreview,
    text: gettext("Files of this type cannot be shown here. Download the file to open it."),
    download: true,
  },
  too_large: {
    title: noPreview,
    text: gettext("This file is too large to be shown here. Download it to open it."),
    download: true,
  },
  empty: { title: gettext("Empty file"), text: gettext("This file has no content.") },
  trashed: { title: noPreview, text: gettext("Restore this file to see its content.") },
  rejected: { title: noPreview, text: gettext("This file was rejected and cannot be opened.") },
  scanning: { title: noPreview, text: gettext("This file is being checked for malware.") },
  gone: { title: failed, text: gettext("This file was deleted."), retry: true },
  expired: { title: failed, text: gettext("The access to this file has expired. Try again."), retry: true },
  unreachable: {
    title: failed,
    text: gettext("Storage cannot be reached. Check your connection and try again."),
    retry: true,
  },
  broken: {
    title: noPreview,
    text: gettext(
      "Your browser cannot show this file. It may be damaged. Download it to open it with another program.",
    ),
    retry: true,
    download: true,
  },
};

/**
 * @param {PreviewCode} code
 * @returns {Explanation}
 */
export function explainPreview(code) {
  return explanations[code];
}

/**
 * @param {string} text why the server did not answer
 * @returns {Explanation}
 */
export function explainFailure(text) {
  return { title: failed, text, retry: true };
}
