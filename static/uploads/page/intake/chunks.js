/** Milliseconds of work at a time, too short to be noticed. */
const BUDGET = 12;

/**
 * Processes many items without blocking the page. The first ones are processed before it returns.
 * @template T
 * @param {T[]} items
 * @param {number} size items per chunk
 * @param {(chunk: T[]) => void} work
 * @param {AbortSignal} signal stops it
 */
export async function inChunks(items, size, work, signal) {
  let pauseAt = performance.now() + BUDGET;
  for (let start = 0; start < items.length && !signal.aborted; start += size) {
    if (performance.now() > pauseAt) {
      await nextTask();
      if (signal.aborted) return;
      pauseAt = performance.now() + BUDGET;
    }
    work(items.slice(start, start + size));
  }
}

function nextTask() {
  // `scheduler.yield` would return before the frame is drawn.
  return new Promise((resolve) => setTimeout(resolve));
}
