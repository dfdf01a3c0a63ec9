// Every wait of the client ends. These are the waits for the browser itself; those for the network are in net/.

/**
 * Waits for something that may never answer.
 * @template T
 * @param {PromiseLike<T>} promise
 * @param {number} milliseconds
 * @returns {Promise<T>} settles with the promise; rejects with a DOMException "TimeoutError" if that takes too long
 */
export function within(promise, milliseconds) {
  return new Promise((resolve, reject) => {
    const late = () => reject(new DOMException(`no answer within ${milliseconds} ms`, "TimeoutError"));
    const timer = setTimeout(late, milliseconds);
    promise.then(resolve, reject).then(() => clearTimeout(timer));
  });
}

/**
 * `AbortSignal.any`, also in browsers that lack it (Safari before 17.4, Firefox before 124).
 * @param {AbortSignal[]} signals
 * @returns {AbortSignal} aborted as soon as one of them is, with its reason
 */
export function anySignal(signals) {
  if (typeof AbortSignal.any === "function") return AbortSignal.any(signals);
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    signal.addEventListener("abort", () => controller.abort(signal.reason), { signal: controller.signal });
  }
  return controller.signal;
}

/**
 * `AbortSignal.timeout`, also in browsers that lack it (Safari before 16).
 * @param {number} milliseconds
 * @returns {AbortSignal}
 */
export function timeoutSignal(milliseconds) {
  if (typeof AbortSignal.timeout === "function") return AbortSignal.timeout(milliseconds);
  const controller = new AbortController();
  setTimeout(() => controller.abort(new DOMException("too late", "TimeoutError")), milliseconds);
  return controller.signal;
}
