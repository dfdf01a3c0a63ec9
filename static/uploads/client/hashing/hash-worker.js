/** Runs in a worker: takes a Blob, answers {digest} or {error, message}. The Hasher asks one thing at a time. */
import { digest } from "./digest.js";

addEventListener("message", async ({ data: blob }) => {
  try {
    postMessage({ digest: await digest(blob) });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    postMessage({ error: name, message });
  }
});
