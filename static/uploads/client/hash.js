/**
 * The SHA-256 of a file in base64, as S3's checksum header carries it. The whole file is read into memory, so the
 * caller decides up to which size that is reasonable.
 * @param {Blob} blob
 * @returns {Promise<string|null>} null where the browser offers no cryptography: outside a secure context
 */
export async function sha256(blob) {
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) {
    return null;
  }
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}
