/**
 * A worker that hashes Blobs. It receives a Blob and replies {digest} or {message, unreadable}; null aborts the current
 * Blob. The Hasher sends the next Blob only after the reply.
 */
import { Unreadable } from "../errors.js";
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
    postMessage({ message: String(error), unreadable: error instanceof Unreadable });
  }
});
