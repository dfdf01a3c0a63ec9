/** Milliseconds of work at a time, well within what is felt as a delay. */
const BUDGET = 12;

/**
 * Works through many items without holding up the page. The first ones are done before it returns.
 * @template T
 * @param {T[]} items
 * @param {number} size how many to hand over at a time
 * @param {(slice: T[]) => void} work
 * @param {AbortSignal} signal ends it
 */
export async function inSlices(items, size, work, signal) {
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
  // A yield alone comes back before the frame is drawn.
  return new Promise((resolve) => setTimeout(resolve));
}
