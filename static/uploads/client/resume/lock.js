import { orAborted, within } from "../waiting.js";

/** Milliseconds in which a browser says whether a lock is free. */
const TIMEOUT = 5_000;

/**
 * Locks within this page, for where Web Locks are missing (insecure contexts), refused (sandboxed frames) or do not
 * answer. They do not cover other tabs.
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
 * Makes a name appear in `heldLocks` of all tabs, without keeping anybody from anything.
 * @param {string} name
 * @returns {() => void} ends it
 */
export function mark(name) {
  let end = () => {};
  /** @type {Promise<void>} */
  const untilEnded = new Promise((resolve) => {
    end = resolve;
  });
  // Without locks other tabs cannot know.
  share(name, untilEnded).catch(() => {});
  return end;
}

/**
 * @param {string} name
 * @param {Promise<void>} untilEnded
 * @returns {Promise<void>} rejects where locks are refused, which some browsers do by throwing at once
 */
async function share(name, untilEnded) {
  await navigator.locks?.request(name, { mode: "shared" }, () => untilEnded);
}

/**
 * @returns {Promise<Set<string>>} the names of the locks that this and other tabs hold; only this one's where the browser
 *   does not tell
 */
export async function heldLocks() {
  try {
    if (!navigator.locks) return new Set(held.keys());
    const { held: locks = [] } = await within(navigator.locks.query(), TIMEOUT);
    return new Set([...held.keys(), ...locks.map(({ name = "" }) => name)]);
  } catch {
    return new Set(held.keys());
  }
}

/**
 * @param {string} name
 * @param {{signal?: AbortSignal, ifAvailable?: boolean}} options as for navigator.locks.request
 * @returns {Promise<(() => void)|null>}
 */
async function request(name, options) {
  if (!navigator.locks) return requestHere(name, options);
  // Only a lock that is held may take longer: until its holder is done.
  const late = new AbortController();
  const asked = requestFromBrowser(name, options, late.signal);
  try {
    return await (options.ifAvailable ? within(asked, TIMEOUT) : asked);
  } catch (error) {
    options.signal?.throwIfAborted();
    late.abort();
    console.warn("filehub: other tabs are not protected from uploading the same file:", error);
    return requestHere(name, options);
  }
}

/**
 * @param {string} name
 * @param {{signal?: AbortSignal, ifAvailable?: boolean}} options as for navigator.locks.request
 * @param {AbortSignal} late aborted when the lock is no longer wanted
 * @returns {Promise<(() => void)|null>}
 */
function requestFromBrowser(name, options, late) {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, options, (lock) => {
        if (lock === null || late.aborted) {
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
    await orAborted(/** @type {Promise<void>} */ (held.get(name)), signal);
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
