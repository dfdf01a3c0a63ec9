// The same functions as in uploads/core/names.py. tests/shared/names.json has the cases that both must agree on.

/** Characters that break a line, or that change the order in which other characters are displayed. */
const DECEPTIVE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb]/gu;

/** Names with more characters are split where they would otherwise be cut off. */
const LONG = 24;
/** A character that never belongs to the one before it, nor changes its shape beside it. */
const SAFE = String.raw`[!-~\u00c0-\u02af\u0370-\u0482\u048a-\u052f\u1e00-\u1fff\u3041-\u3096\u309b-\u30ff\u3400-\u9fff\uac00-\ud7a3]`;
/** The last part of a name: preferably whole words, otherwise at most 14 characters. */
const TAILS = [
  new RegExp(String.raw`(?<=[ _./-])(?:[\p{L}\p{N}_]|${SAFE}).{9,19}$`, "su"),
  new RegExp(`${SAFE}.{0,13}$`, "su"),
];

/** In a row of the list, whose column may be narrow, short names are split too; then hardly more than the extension is kept. */
const LONG_IN_ROW = 6;
const SHORT_TAIL = new RegExp(`${SAFE}.{0,5}$`, "su");
const TAILS_IN_ROW = [
  new RegExp(String.raw`(?<=[ _.-])(?:[\p{L}\p{N}_]|${SAFE}).{6,12}$`, "su"),
  new RegExp(`${SAFE}.{0,8}$`, "su"),
];

/** Accents of Latin, Greek and Cyrillic letters. */
const ACCENTS = /[\u0300-\u036f]/g;
/**
 * Letters with a stroke, which Unicode does not decompose.
 * @type {Record<string, string>}
 */
const STROKES = { ø: "o", ł: "l", đ: "d" };

/** Cherokee is the only script whose letters fold to upper case. */
const CHEROKEE = /[\u13a0-\u13fd\uab70-\uabbf]/;

/**
 * @param {string} text a name, or text that contains one
 * @returns {string} for display: deceptive characters become U+FFFD
 */
export function displayName(text) {
  return text.replace(DECEPTIVE, "\ufffd");
}

/**
 * Where space is short, only the end of the head is left out.
 * @typedef {{head: string, tail: string}} SplitText
 */

/**
 * Splits a name for display, so that names that differ at the end can be told apart.
 * @param {string} name
 * @returns {{folder: SplitText, file: SplitText}} the folders with their last slash, and the file in them
 */
export function nameParts(name) {
  const shown = displayName(name);
  const end = shown.lastIndexOf("/") + 1;
  // A name that ends with a slash has no file; it is displayed as one.
  const start = end === shown.length ? 0 : end;
  return { folder: split(shown.slice(0, start)), file: split(shown.slice(start)) };
}

/**
 * Splits the name of a single file or folder for a row of the list.
 * @param {string} name
 * @returns {SplitText} the tail has the extension
 */
export function rowNameParts(name) {
  const shown = displayName(name);
  const isLong = Array.from(shown).length > LONG;
  return split(shown, LONG_IN_ROW, isLong ? TAILS_IN_ROW : [SHORT_TAIL]);
}

/**
 * @param {string} text
 * @param {number} [long] characters
 * @param {RegExp[]} [tails]
 * @returns {SplitText}
 */
function split(text, long = LONG, tails = TAILS) {
  if (Array.from(text).length > long) {
    for (const pattern of tails) {
      const match = pattern.exec(text);
      if (match) return { head: text.slice(0, match.index), tail: match[0] };
    }
  }
  return { head: text, tail: "" };
}

/**
 * The form of a name, or of a search term, in which the search compares them: without case and accents.
 * @param {string} text
 */
export function searchKey(text) {
  const folded = Array.from(text.normalize("NFC"), caseFold).join("");
  return folded
    .normalize("NFD")
    .replace(ACCENTS, "")
    .replace(/[øłđ]/g, (letter) => STROKES[letter])
    .normalize("NFC");
}

/**
 * @param {string} name
 * @param {string} term
 * @returns {boolean} whether the name contains the search term
 */
export function matchesSearch(name, term) {
  return searchKey(name).includes(searchKey(term));
}

/**
 * Unicode's full case folding, which JavaScript lacks. Upper case unites letters that lower case keeps apart ("ß" and
 * "ss", "ς" and "σ"). One character at a time, because lower case of a whole word would end in "ς" again.
 * @param {string} char
 */
function caseFold(char) {
  // The dotless i of Turkish is a letter of its own; its upper case is the "I" of other languages.
  if (char === "ı") return char;
  const upper = char.toLowerCase().toUpperCase();
  return CHEROKEE.test(char) ? upper : Array.from(upper, (letter) => letter.toLowerCase()).join("");
}
