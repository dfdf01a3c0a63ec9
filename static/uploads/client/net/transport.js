import { ConnectionLost, StorageError } from "../errors.js";

/** A connection on which nothing moves for so long is dead, although nobody said so. */
const STALLED = 60_000;
/** Before the first byte the browser may hold the request back, and after the last much may be left in its buffers. */
const STALLED_AT_THE_ENDS = 300_000;

/**
 * Sends bytes to storage. XMLHttpRequest, because fetch does not tell how much has been sent.
 * @param {{method: string, url: string, headers: Record<string, string>}} request a signed request
 * @param {Blob} blob is streamed from disk by the browser, never read into memory here
 * @param {{signal: AbortSignal, onProgress: (sentBytes: number) => void}} options
 * @returns {Promise<void>} rejects with StorageError, ConnectionLost, or the signal's reason
 */
export function send(request, blob, { signal, onProgress }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    signal.addEventListener("abort", abort, { once: true });
    let timer = setTimeout(abort, STALLED_AT_THE_ENDS);

    xhr.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers)) {
      xhr.setRequestHeader(name, value);
    }
    xhr.upload.onprogress = (event) => {
      clearTimeout(timer);
      timer = setTimeout(abort, event.loaded < blob.size ? STALLED : STALLED_AT_THE_ENDS);
      onProgress(event.loaded);
    };
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) {
        resolve();
      } else {
        reject(new StorageError(xhr.status, xhr.responseText));
      }
    };
    xhr.onerror = () => reject(new ConnectionLost());
    xhr.onabort = () => reject(signal.aborted ? signal.reason : new ConnectionLost());
    xhr.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    xhr.send(blob);
  });
}
