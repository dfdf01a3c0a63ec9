import { enumerate, fill, gettext } from "../page/text/language.js";
import { displayName } from "../page/text/names.js";

/** @typedef {(name: string) => string} OfName */

/** What the element says, beside the messages of the upload page. */
export const words = {
  choose: gettext("Choose a file"),
  chooseOther: gettext("Choose another file"),
  chooseSeveral: gettext("Choose files"),
  addMore: gettext("Add files"),
  drop: gettext("or drop it here"),
  dropSeveral: gettext("or drop them here"),
  /** @type {(size: string) => string} */
  maxSize: (size) => fill(gettext("Up to %(size)s."), { size }),
  /** @type {(size: string) => string} */
  maxSizeEach: (size) => fill(gettext("Up to %(size)s each."), { size }),
  /** @type {(types: string) => string} */
  types: (types) => fill(gettext("Accepted: %(types)s."), { types }),

  remove: gettext("Remove"),
  cancel: gettext("Cancel"),
  retry: gettext("Retry"),
  /** @type {Record<"remove"|"cancel"|"retry", OfName>} */
  actionLabel: {
    remove: (name) => named(gettext("Remove %(name)s"), name),
    cancel: (name) => named(gettext("Cancel the upload of %(name)s"), name),
    retry: (name) => named(gettext("Retry the upload of %(name)s"), name),
  },

  required: gettext("Choose a file."),
  /** @type {OfName} */
  notStored: (name) => named(gettext("%(name)s is still being uploaded. Wait until it is stored, or cancel it."), name),
  /** @type {OfName} */
  notUploaded: (name) => named(gettext("%(name)s was not uploaded. Try again, or remove it."), name),
  onlyOne: gettext("Only one file can be added here."),
  noFolders: gettext("Folders cannot be added here. Add the files in them."),
  /** @type {OfName} */
  removed: (name) => named(gettext("%(name)s removed."), name),
  scanning: gettext("Checking for malware…"),
  slow: gettext("Still confirming. This is taking longer than usual."),
  signIn: gettext("Your session has expired. Sign in again in another tab, then return to this one."),
};

/** @type {Record<string, string>} */
const GROUPS = {
  image: gettext("images"),
  video: gettext("videos"),
  audio: gettext("audio files"),
  text: gettext("text files"),
};

/** Subtypes that do not say what people call them. @type {[RegExp, string][]} */
const FORMATS = [
  [/wordprocessingml|^msword$/, "Word"],
  [/spreadsheetml|ms-excel/, "Excel"],
  [/presentationml|ms-powerpoint/, "PowerPoint"],
  [/opendocument/, "OpenDocument"],
  [/7z/, "7-Zip"],
  [/zip/, "ZIP"],
  [/^svg\+xml$/, "SVG"],
  [/^plain$/, "TXT"],
];

/** A subtype that is also the usual name of the format, in lower case. */
const SHORT = /^[a-z0-9]{2,5}$/;

/**
 * @param {string[]} types such as "image/*" and "application/pdf"
 * @returns {string} for people: "images and PDF"; empty if every type is accepted
 */
export function describeTypes(types) {
  if (types.some((type) => type === "*" || type === "*/*")) return "";
  return enumerate([...new Set(types.map(describeType))]);
}

/** @param {string} type */
function describeType(type) {
  const [group, subtype = ""] = type.toLowerCase().split("/", 2);
  if (subtype === "*") return GROUPS[group] ?? type;
  const known = FORMATS.find(([pattern]) => pattern.test(subtype));
  if (known) return known[1];
  const short = subtype.replace(/^x-/, "");
  return SHORT.test(short) ? short.toUpperCase() : type;
}

/**
 * @param {string} sentence
 * @param {string} name
 */
function named(sentence, name) {
  return fill(sentence, { name: displayName(name) });
}
