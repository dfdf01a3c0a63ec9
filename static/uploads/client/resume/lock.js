/**
 * Locks within this page, for browsers and insecure contexts without Web Locks. They do not cover other tabs.
 * @type {Map<string, Promise<void>>}
 */
const held = new Map();

/**
 * Takes a lock that no other tab of this site can hold at the same time.
 * @param {string} name
 * @param {AbortSignal} signal
 * @param {() => void} onWait called if another tab or upload holds it
 * @returns {Promise<() => void>} a function that releases it; rejects with the signal's reason
 */
export async function take(name, signal, onWait) {
  const release = await tryTake(name);
  if (release) return release;
  signal.throwIfAborted();
  onWait();
  return /** @type {() => void} without `ifAvailable` there is no null */ (await request(name, { signal }));
}

/**
 * @param {string} name
 * @returns {Promise<(() => void)|null>} null if it is held
 */
export function tryTake(name) {
  return request(name, { ifAvailable: true });
}

/**
 * @param {string} name
 * @param {{signal?: AbortSignal, ifAvailable?: boolean}} options as for navigator.locks.request
 * @returns {Promise<(() => void)|null>}
 */
function request(name, options) {
  if (!navigator.locks) return requestHere(name, options);
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, options, (lock) => {
        if (lock === null) {
          resolve(null);
          return undefined;
        }
        /** @type {Promise<void>} held until it settles */
        const untilReleased = new Promise((release) => resolve(release));
        return untilReleased;
      })
      .catch(reject);
  });
}

/**
 * @param {string} name
 * @param {{signal?: AbortSignal, ifAvailable?: boolean}} options
 * @returns {Promise<(() => void)|null>}
 */
async function requestHere(name, { ifAvailable, signal }) {
  while (held.has(name)) {
    if (ifAvailable) return null;
    await settled(/** @type {Promise<void>} */ (held.get(name)), signal);
  }
  let release = () => {};
  /** @type {Promise<void>} */
  const untilReleased = new Promise((resolve) => {
    release = resolve;
  });
  held.set(name, untilReleased);
  return () => {
    held.delete(name);
    release();
  };
}

/**
 * @param {Promise<void>} promise
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>} settles with the promise; rejects with the signal's reason if it is aborted first
 */
function settled(promise, signal) {
  const listening = new AbortController();
  /** @type {Promise<void>} */
  const result = new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => reject(signal.reason), { signal: listening.signal });
    promise.then(resolve, reject);
  });
  return result.finally(() => listening.abort());
}
