// The records of a ZIP archive, for files that are stored without compression.
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (6.3.10)

/** What takes the place of a number that does not fit, and is in the ZIP64 field then. */
const IN_ZIP64_16 = 0xffff;
export const IN_ZIP64_32 = 0xffffffff;

/** Versions of the format that a reader needs: 2.0 for folders, 4.5 for ZIP64. */
const VERSION = 20;
const VERSION_ZIP64 = 45;
/** Made on Unix, so that readers take the mode below from the archive. */
const MADE_BY = (3 << 8) | VERSION_ZIP64;
/** A file that its owner may write and everybody may read (-rw-r--r--). */
const ATTRIBUTES = (0o100644 << 16) >>> 0;
/** Bit 3: checksum and sizes follow the file. Bit 11: names are UTF-8. */
const FLAGS = (1 << 3) | (1 << 11);
const STORED = 0;

/** What the time of MS-DOS can express. */
const FIRST_TIME = new Date(1980, 0, 1);
const LAST_TIME = new Date(2107, 11, 31, 23, 59, 58);

const SIGNATURE = {
  local: 0x04034b50,
  descriptor: 0x08074b50,
  central: 0x02014b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
  end: 0x06054b50,
};
const EXTRA = { zip64: 0x0001, time: 0x5455 };

/**
 * A file as its records describe it. Offset and sizes are bytes.
 * @typedef {object} Entry
 * @property {Uint8Array} name UTF-8
 * @property {Date} modified
 * @property {number} size
 * @property {number} crc of the content; known only when all of it was read
 * @property {number} offset where its local header begins
 */

/** @typedef {[width: 2|4|8, value: number] | Uint8Array} Field */

/** @param {Entry} entry */
function isLarge({ size }) {
  return size >= IN_ZIP64_32;
}

/** @param {Entry} entry */
export function localHeader(entry) {
  const large = isLarge(entry);
  const extra = [...(large ? zip64Extra([0, 0]) : []), ...timeExtra(entry.modified)];
  // Sizes are 0 here, or in the ZIP64 field; its presence also says that those of the descriptor have 8 bytes.
  const size = large ? IN_ZIP64_32 : 0;
  return pack([
    [4, SIGNATURE.local],
    [2, large ? VERSION_ZIP64 : VERSION],
    [2, FLAGS],
    [2, STORED],
    ...dosTime(entry.modified),
    [4, 0],
    [4, size],
    [4, size],
    [2, entry.name.length],
    [2, lengthOf(extra)],
    entry.name,
    ...extra,
  ]);
}

/** @param {Entry} entry */
export function dataDescriptor(entry) {
  const width = isLarge(entry) ? 8 : 4;
  return pack([
    [4, SIGNATURE.descriptor],
    [4, entry.crc],
    [width, entry.size],
    [width, entry.size],
  ]);
}

/** @param {Entry} entry */
export function centralHeader(entry) {
  const large = isLarge(entry);
  const far = entry.offset >= IN_ZIP64_32;
  // Only what does not fit, in this order.
  const numbers = [...(large ? [entry.size, entry.size] : []), ...(far ? [entry.offset] : [])];
  const extra = [...(numbers.length > 0 ? zip64Extra(numbers) : []), ...timeExtra(entry.modified)];
  const size = large ? IN_ZIP64_32 : entry.size;
  return pack([
    [4, SIGNATURE.central],
    [2, MADE_BY],
    [2, numbers.length > 0 ? VERSION_ZIP64 : VERSION],
    [2, FLAGS],
    [2, STORED],
    ...dosTime(entry.modified),
    [4, entry.crc],
    [4, size],
    [4, size],
    [2, entry.name.length],
    [2, lengthOf(extra)],
    [2, 0],
    [2, 0],
    [2, 0],
    [4, ATTRIBUTES],
    [4, far ? IN_ZIP64_32 : entry.offset],
    entry.name,
    ...extra,
  ]);
}

/**
 * The end of the archive.
 * @param {{count: number, offset: number, size: number}} directory its number of entries, where it begins, and its bytes
 */
export function endRecords({ count, offset, size }) {
  const needsZip64 = count >= IN_ZIP64_16 || offset >= IN_ZIP64_32 || size >= IN_ZIP64_32;
  return pack([
    ...(needsZip64 ? endRecords64({ count, offset, size }) : []),
    [4, SIGNATURE.end],
    [2, 0],
    [2, 0],
    [2, Math.min(count, IN_ZIP64_16)],
    [2, Math.min(count, IN_ZIP64_16)],
    [4, Math.min(size, IN_ZIP64_32)],
    [4, Math.min(offset, IN_ZIP64_32)],
    [2, 0],
  ]);
}

/**
 * @param {{count: number, offset: number, size: number}} directory
 * @returns {Field[]}
 */
function endRecords64({ count, offset, size }) {
  return [
    [4, SIGNATURE.end64],
    // The bytes of this record after this field.
    [8, 44],
    [2, MADE_BY],
    [2, VERSION_ZIP64],
    [4, 0],
    [4, 0],
    [8, count],
    [8, count],
    [8, size],
    [8, offset],
    [4, SIGNATURE.locator64],
    [4, 0],
    [8, offset + size],
    [4, 1],
  ];
}

/**
 * @param {number[]} numbers
 * @returns {Field[]}
 */
function zip64Extra(numbers) {
  const fields = numbers.map((number) => /** @type {Field} */ ([8, number]));
  return [[2, EXTRA.zip64], [2, 8 * numbers.length], ...fields];
}

/**
 * The time in UTC, which readers prefer to the one below.
 * @param {Date} time
 * @returns {Field[]} none for a time that does not fit in 32 bits
 */
function timeExtra(time) {
  const seconds = Math.floor(time.getTime() / 1_000);
  if (!(seconds >= -(2 ** 31) && seconds < 2 ** 31)) return [];
  const onlyModified = new Uint8Array([1]);
  return [[2, EXTRA.time], [2, 5], onlyModified, [4, seconds >>> 0]];
}

/**
 * The time in the user's time zone, to two seconds.
 * @param {Date} time
 * @returns {Field[]}
 */
function dosTime(time) {
  // An invalid date is in no order with others.
  const local = time > LAST_TIME ? LAST_TIME : time >= FIRST_TIME ? time : FIRST_TIME;
  return [
    [2, (local.getHours() << 11) | (local.getMinutes() << 5) | (local.getSeconds() >> 1)],
    [2, ((local.getFullYear() - 1980) << 9) | ((local.getMonth() + 1) << 5) | local.getDate()],
  ];
}

/** @param {Field[]} fields */
function lengthOf(fields) {
  return fields.reduce((sum, field) => sum + (field instanceof Uint8Array ? field.length : field[0]), 0);
}

/**
 * @param {Field[]} fields numbers are little-endian
 * @returns {Uint8Array}
 */
function pack(fields) {
  const bytes = new Uint8Array(lengthOf(fields));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const field of fields) {
    if (field instanceof Uint8Array) {
      bytes.set(field, at);
      at += field.length;
      continue;
    }
    const [width, value] = field;
    if (width === 2) view.setUint16(at, value, true);
    else if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return bytes;
}
