import { ConnectionLost, Stalled, StorageError } from "../errors.js";

/** @import { Speed } from "./speed.js" */

/**
 * Sends bytes to storage. It uses XMLHttpRequest, because fetch does not report upload progress.
 *
 * It gives up when nothing happens for as long as all bytes in flight can take: before the first byte the browser may
 * queue the request, and a proxy may take everything at once and then be silent until it has forwarded it.
 * @param {{method: string, url: string, headers: Record<string, string>}} request a signed request
 * @param {Blob} blob streamed from disk by the browser, never read into memory here
 * @param {{signal: AbortSignal, speed: Speed, onProgress: (sentBytes: number) => void}} options
 * @returns {Promise<void>} rejects with StorageError, ConnectionLost, Stalled, or the signal's reason
 */
export function send(request, blob, { signal, speed, onProgress }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    let isStalled = false;
    const stall = () => {
      isStalled = true;
      abort();
    };

    xhr.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers)) {
      xhr.setRequestHeader(name, value);
    }
    xhr.upload.onprogress = (event) => {
      clearTimeout(timer);
      timer = setTimeout(stall, speed.patience);
      onProgress(event.loaded);
    };
    xhr.onload = () => (isSuccess(xhr) ? resolve() : reject(new StorageError(xhr.status, xhr.responseText)));
    xhr.onerror = () => reject(new ConnectionLost());
    xhr.onabort = () => reject(signal.aborted ? signal.reason : new Stalled());
    xhr.onloadend = () => {
      clearTimeout(timer);
      // What stalled was at most this fast, so the next requests are fewer and smaller.
      end(isSuccess(xhr) || isStalled);
      signal.removeEventListener("abort", abort);
    };
    signal.addEventListener("abort", abort, { once: true });
    const end = speed.begin(blob.size);
    let timer = setTimeout(stall, speed.patience);
    xhr.send(blob);
  });
}

/** @param {XMLHttpRequest} xhr */
function isSuccess({ status }) {
  return status >= 200 && status < 300;
}
