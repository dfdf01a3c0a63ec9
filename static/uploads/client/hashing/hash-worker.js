/**
 * A worker that hashes Blobs. It receives a Blob and replies {digest} or {error, message}; null aborts the current
 * Blob. The Hasher sends the next Blob only after the reply.
 */
import { digest } from "./digest.js";

let current = new AbortController();

addEventListener("message", async ({ data: blob }) => {
  if (blob === null) {
    current.abort();
    return;
  }
  current = new AbortController();
  try {
    postMessage({ digest: await digest(blob, current.signal) });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    postMessage({ error: name, message });
  }
});
