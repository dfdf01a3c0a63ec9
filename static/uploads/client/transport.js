/** The connection failed, so nobody knows whether storage has the file. */
export class ConnectionLost extends Error {}

/**
 * Sends a file to storage. XMLHttpRequest, because fetch does not tell how much has been sent.
 * @param {{method: string, url: string, headers: Record<string, string>}} request a signed request
 * @param {Blob} blob is streamed from disk by the browser, never read into memory here
 * @param {{signal: AbortSignal, onProgress: (sentBytes: number) => void}} options
 * @returns {Promise<{status: number, body: string}>} rejects with ConnectionLost, or the signal's reason
 */
export function send(request, blob, { signal, onProgress }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    signal.addEventListener("abort", abort, { once: true });

    xhr.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers)) {
      xhr.setRequestHeader(name, value);
    }
    xhr.upload.onprogress = (event) => onProgress(event.loaded);
    xhr.onload = () => resolve({ status: xhr.status, body: xhr.responseText });
    xhr.onerror = () => reject(new ConnectionLost());
    xhr.ontimeout = xhr.onerror;
    xhr.onabort = () => reject(signal.reason);
    xhr.onloadend = () => signal.removeEventListener("abort", abort);
    xhr.send(blob);
  });
}
