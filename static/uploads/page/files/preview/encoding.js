/** How many of the first bytes show whether a text without a mark is UTF-16. */
const SAMPLE = 1024;

/**
 * Decodes a text. Its mark takes precedence over what was declared, as in browsers. Without both it is UTF-16 if it
 * looks so, UTF-8 if it is valid, and otherwise Windows-1252, which also reads Latin-1.
 * @param {Uint8Array<ArrayBuffer>} bytes may end inside a character, if there are more
 * @param {string|null} charset as declared
 * @returns {string}
 */
export function decode(bytes, charset) {
  // `stream` leaves out a last character that is incomplete.
  const text = decoderFor(bytes, charset).decode(bytes, { stream: true });
  return text.replace(/\r\n?/g, "\n");
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string|null} charset
 */
function decoderFor(bytes, charset) {
  const marked = encodingOfMark(bytes);
  if (marked) return new TextDecoder(marked);
  const declared = charset && knownDecoder(charset);
  if (declared) return declared;
  return new TextDecoder(utf16WithoutMark(bytes) ?? (isUtf8(bytes) ? "utf-8" : "windows-1252"));
}

/** @param {string} charset */
function knownDecoder(charset) {
  try {
    return new TextDecoder(charset);
  } catch {
    return null;
  }
}

/** @param {Uint8Array} bytes */
function encodingOfMark([first, second, third]) {
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : null;
}

/**
 * In UTF-16, every other byte of most texts is zero, and in other texts none is.
 * @param {Uint8Array} bytes
 */
function utf16WithoutMark(bytes) {
  const zeros = [0, 0];
  const length = Math.min(bytes.length, SAMPLE);
  for (let i = 0; i < length; i += 1) if (bytes[i] === 0) zeros[i % 2] += 1;
  const [even, odd] = zeros;
  if (odd > length / 8 && even === 0) return "utf-16le";
  return even > length / 8 && odd === 0 ? "utf-16be" : null;
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
function isUtf8(bytes) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
