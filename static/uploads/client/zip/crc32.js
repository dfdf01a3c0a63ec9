/** The polynomial of ZIP, gzip and PNG, reversed. */
const POLYNOMIAL = 0xedb88320;

/** Eight bytes are processed at a time, each with a table of its own ("slicing-by-8"). */
const TABLES = Array.from({ length: 8 }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  TABLES[0][byte] = value;
}
for (let slice = 1; slice < 8; slice++) {
  for (let byte = 0; byte < 256; byte++) {
    const value = TABLES[slice - 1][byte];
    TABLES[slice][byte] = TABLES[0][value & 0xff] ^ (value >>> 8);
  }
}
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES;

/**
 * @param {Uint8Array} bytes
 * @param {number} [before] the checksum of the bytes before these
 * @returns {number} the CRC-32 of all of them, unsigned
 */
export function crc32(bytes, before = 0) {
  let value = ~before;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    value ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    value =
      T7[value & 0xff] ^
      T6[(value >>> 8) & 0xff] ^
      T5[(value >>> 16) & 0xff] ^
      T4[value >>> 24] ^
      T3[bytes[at + 4]] ^
      T2[bytes[at + 5]] ^
      T1[bytes[at + 6]] ^
      T0[bytes[at + 7]];
  }
  for (; at < bytes.length; at++) value = T0[(value ^ bytes[at]) & 0xff] ^ (value >>> 8);
  return ~value >>> 0;
}
