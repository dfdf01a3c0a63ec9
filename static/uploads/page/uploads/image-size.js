// The size of an image from its first bytes, without decoding it. Formats that browsers can decode, and that people have.

/** Bytes that are enough: a JPEG may begin with a preview and a color profile. */
export const HEAD = 512 * 1024;

/** @typedef {{width: number, height: number}} Size pixels */

/**
 * @param {DataView} head the first bytes of a file, at most `HEAD`
 * @returns {Size|null} null if the format is unknown, or its size is not among these bytes
 */
export function imageSize(head) {
  for (const read of [png, gif, bmp, webp, jpeg, heif]) {
    try {
      const size = read(head);
      if (size) return size;
    } catch (error) {
      // The file ends before its size.
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return null;
}

/**
 * @param {DataView} head
 * @param {number} at
 * @param {number} length
 */
function text(head, at, length) {
  return String.fromCharCode(...Array.from({ length }, (_, index) => head.getUint8(at + index)));
}

/** https://www.w3.org/TR/png-3/#11IHDR @type {(head: DataView) => Size|null} */
function png(head) {
  if (text(head, 0, 8) !== "\x89PNG\r\n\x1a\n") return null;
  return { width: head.getUint32(16), height: head.getUint32(20) };
}

/**
 * Browsers enlarge the image until the first frame fits in it. Later frames are cut off.
 * https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 * @type {(head: DataView) => Size|null}
 */
function gif(head) {
  if (!["GIF87a", "GIF89a"].includes(text(head, 0, 6))) return null;
  const flags = head.getUint8(10);
  const hasColors = (flags & 0x80) !== 0;
  let at = 13 + (hasColors ? 3 * 2 ** ((flags & 7) + 1) : 0);
  // An extension has a label, and blocks that begin with their length; an empty one is the last.
  while (head.getUint8(at) === 0x21) {
    at += 2;
    for (let length = -1; length !== 0; at += 1 + length) length = head.getUint8(at);
  }
  if (head.getUint8(at) !== 0x2c) return null;
  const [left, top, width, height] = [1, 3, 5, 7].map((offset) => head.getUint16(at + offset, true));
  return {
    width: Math.max(head.getUint16(6, true), left + width),
    height: Math.max(head.getUint16(8, true), top + height),
  };
}

/** The height is negative if the rows go from top to bottom. @type {(head: DataView) => Size|null} */
function bmp(head) {
  if (text(head, 0, 2) !== "BM" || head.getUint32(14, true) < 40) return null;
  return { width: head.getInt32(18, true), height: Math.abs(head.getInt32(22, true)) };
}

/** https://developers.google.com/speed/webp/docs/riff_container @type {(head: DataView) => Size|null} */
function webp(head) {
  if (text(head, 0, 4) !== "RIFF" || text(head, 8, 4) !== "WEBP") return null;
  switch (text(head, 12, 4)) {
    case "VP8 ":
      return { width: head.getUint16(26, true) & 0x3fff, height: head.getUint16(28, true) & 0x3fff };
    case "VP8L": {
      const bits = head.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    }
    case "VP8X":
      return { width: (head.getUint32(23, true) >>> 8) + 1, height: (head.getUint32(26, true) >>> 8) + 1 };
  }
  return null;
}

/** https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.1.1 @type {(head: DataView) => Size|null} */
function jpeg(head) {
  if (head.getUint16(0) !== 0xffd8) return null;
  let at = 2;
  for (;;) {
    if (head.getUint8(at) !== 0xff) return null;
    const marker = head.getUint8(at + 1);
    // SOF0 to SOF15, without DHT, JPG and DAC, which are among them.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { width: head.getUint16(at + 7), height: head.getUint16(at + 5) };
    }
    // Bytes of 0xff may precede a marker.
    at += marker === 0xff ? 1 : 2 + head.getUint16(at + 2);
  }
}

/**
 * AVIF and HEIC: the largest of the images in the file, by their property "ispe" (ISO/IEC 23008-12, 6.5.3).
 * @type {(head: DataView) => Size|null}
 */
function heif(head) {
  if (text(head, 4, 4) !== "ftyp") return null;
  /** @type {Size|null} */
  let largest = null;
  for (let at = 8; at + 16 <= head.byteLength; at += 1) {
    if (head.getUint32(at) !== 0x69737065) continue;
    const size = { width: head.getUint32(at + 8), height: head.getUint32(at + 12) };
    if (!largest || size.width * size.height > largest.width * largest.height) largest = size;
  }
  return largest;
}
