/** Locks of this page, for browsers (or insecure contexts) without Web Locks: other tabs are then not seen. */
const held = new Map();

/**
 * Takes a lock that no other tab of this site can hold at the same time.
 * @param {string} name
 * @param {AbortSignal} signal
 * @param {() => void} onWait called when somebody else holds it
 * @returns {Promise<() => void>} a function that gives it back; rejects with the signal's reason
 */
export async function take(name, signal, onWait) {
  const release = await tryTake(name);
  if (release) return release;
  signal.throwIfAborted();
  onWait();
  return request(name, { signal });
}

/**
 * @param {string} name
 * @returns {Promise<(() => void)|null>} null when somebody else holds it
 */
export function tryTake(name) {
  return request(name, { ifAvailable: true });
}

function request(name, options) {
  if (!navigator.locks) return requestHere(name, options);
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, options, (lock) => {
        if (lock === null) {
          resolve(null);
          return undefined;
        }
        // Held until this promise settles.
        return new Promise((release) => resolve(release));
      })
      .catch(reject);
  });
}

async function requestHere(name, { ifAvailable, signal }) {
  while (held.has(name)) {
    if (ifAvailable) return null;
    signal.throwIfAborted();
    await Promise.race([held.get(name), aborted(signal)]);
  }
  let release;
  held.set(name, new Promise((resolve) => (release = resolve)));
  return () => {
    held.delete(name);
    release();
  };
}

function aborted(signal) {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
