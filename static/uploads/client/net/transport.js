import { ConnectionLost, StorageError } from "../errors.js";

/** Milliseconds without progress after which the connection is considered dead. */
const STALL_TIMEOUT = 60_000;
/** Before the first byte the browser may queue the request, and after the last byte much may still be in its buffers. */
const STALL_TIMEOUT_AT_ENDS = 300_000;

/**
 * Sends bytes to storage. It uses XMLHttpRequest, because fetch does not report upload progress.
 * @param {{method: string, url: string, headers: Record<string, string>}} request a signed request
 * @param {Blob} blob streamed from disk by the browser, never read into memory here
 * @param {{signal: AbortSignal, onProgress: (sentBytes: number) => void}} options
 * @returns {Promise<void>} rejects with StorageError, ConnectionLost, or the signal's reason
 */
export function send(request, blob, { signal, onProgress }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    signal.addEventListener("abort", abort, { once: true });
    let timer = setTimeout(abort, STALL_TIMEOUT_AT_ENDS);

    xhr.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers)) {
      xhr.setRequestHeader(name, value);
    }
    xhr.upload.onprogress = (event) => {
      clearTimeout(timer);
      timer = setTimeout(abort, event.loaded < blob.size ? STALL_TIMEOUT : STALL_TIMEOUT_AT_ENDS);
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
