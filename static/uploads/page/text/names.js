// The same functions as in uploads/core/names.py. tests/shared/names.json has the cases that both must agree on.

/** Characters that break a line, or that change the order in which other characters are displayed. */
const DECEPTIVE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb]/gu;

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
 * The form of a name, or of a search term, in which the search compares them.
 * @param {string} text
 */
export function searchKey(text) {
  return Array.from(text.normalize("NFC"), caseFold).join("").normalize("NFC");
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
