/**
 * A worker that hashes Blobs. It receives {blob} or {file, head} and replies {result} or {message,
 * unreadable}; null aborts the current job. The HashThread sends the next job only after the reply.
 */
import { Unreadable } from "../errors.js";
import { digest, identify } from "./digest.js";

let current = new AbortController();

addEventListener("message", async ({ data: job }) => {
  if (job === null) {
    current.abort();
    return;
  }
  current = new AbortController();
  try {
    postMessage({ result: await (job.file ? identify(job.head, job.file) : digest(job.blob, current.signal)) });
  } catch (error) {
    postMessage({ message: String(error), unreadable: error instanceof Unreadable });
  }
});
