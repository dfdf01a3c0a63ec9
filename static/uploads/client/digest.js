import { Sha256 } from "./sha256.js";

/** Up to here the browser's own SHA-256 gets everything at once; beyond, memory must not grow with the input. */
const AT_ONCE = 32 * 1024 ** 2;
const SLICE = 4 * 1024 ** 2;

/**
 * @param {Blob} blob
 * @returns {Promise<string>} the SHA-256 in base64, as S3's checksum header carries it
 */
export async function digest(blob) {
  const native = globalThis.crypto?.subtle;
  const bytes =
    native && blob.size <= AT_ONCE
      ? new Uint8Array(await native.digest("SHA-256", await blob.arrayBuffer()))
      : await inSlices(blob);
  return btoa(String.fromCharCode(...bytes));
}

async function inSlices(blob) {
  const hash = new Sha256();
  for (let start = 0; start < blob.size; start += SLICE) {
    hash.update(new Uint8Array(await blob.slice(start, start + SLICE).arrayBuffer()));
  }
  return hash.digest();
}
