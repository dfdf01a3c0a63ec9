// Every wait of the client ends. These are the waits for the browser itself; those for the network are in net/.

/** Milliseconds: browsers run timers with a longer delay at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;
/** Milliseconds by which a timer is late only if the computer slept or the browser had suspended the page. */
const SUSPENDED = 5_000;

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
    const stopTimer = startTimer(late, milliseconds);
    promise.then(resolve, reject).then(stopTimer);
  });
}

/**
 * Like setTimeout, but if the computer slept meanwhile, what was to answer gets its time again: after waking up, timers
 * fire first.
 * @param {() => void} act
 * @param {number} milliseconds
 * @returns {() => void} stops it
 */
export function startTimer(act, milliseconds) {
  const delay = Math.min(milliseconds, LONGEST_TIMER);
  const due = performance.now() + delay + SUSPENDED;
  const again = () => {
    if (performance.now() < due) act();
    else timer = setTimeout(act, delay);
  };
  let timer = setTimeout(again, delay);
  return () => clearTimeout(timer);
}

/**
 * @template T
 * @param {T|PromiseLike<T>} promise
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>} settles with the promise, or rejects with the signal's reason as soon as it is aborted
 */
export function orAborted(promise, signal) {
  const listening = new AbortController();
  /** @type {Promise<T>} */
  const result = new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => reject(signal.reason), { signal: listening.signal });
    Promise.resolve(promise).then(resolve, reject);
  });
  return result.finally(() => listening.abort());
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
