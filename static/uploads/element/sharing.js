import { Api, Uploader } from "../client/index.js";

/** @import { Upload } from "../client/index.js" */

/**
 * Where an element uploads, from its attributes.
 * @typedef {object} Place
 * @property {string} base the path below which filehub's URLs are
 * @property {string} csrfCookie empty if scripts cannot read it
 * @property {string} csrfHeader
 * @property {string} user the id of the page's user; may be empty
 */

/** @typedef {{api: Api, uploader: Uploader}} Shared */

/** @type {Map<string, Shared>} */
const sharedByPlace = new Map();

/**
 * The uploader of all elements that upload to the same place: they share its concurrent requests.
 * @param {Place} place
 * @returns {Shared}
 */
export function shared({ base, csrfCookie, csrfHeader, user }) {
  const key = JSON.stringify([base, csrfCookie, csrfHeader, user]);
  const known = sharedByPlace.get(key);
  if (known) return known;
  const api = new Api("", user || undefined, { base, csrfCookie, csrfHeader });
  // Not the namespace of the upload page, which would offer to continue uploads that belong to a form.
  const uploader = new Uploader(api, { namespace: `form:${user}` });
  const created = { api, uploader };
  sharedByPlace.set(key, created);
  return created;
}

/** @param {(uploader: Uploader) => boolean} test */
function someUploader(test) {
  return [...sharedByPlace.values()].some(({ uploader }) => test(uploader));
}

globalThis.addEventListener?.("beforeunload", (event) => {
  if (someUploader(({ busy }) => busy)) event.preventDefault();
});

// The user may have signed in again in another tab.
globalThis.addEventListener?.("focus", () => {
  for (const { uploader } of sharedByPlace.values()) if (uploader.signedOut) uploader.tryNow();
});

/**
 * Ends an upload that no element shows any more, and forgets it. One whose bytes have all arrived cannot be cancelled:
 * the file is stored, but no form refers to it.
 * @param {Uploader} uploader
 * @param {Upload} upload
 */
export function abandon(uploader, upload) {
  uploader.cancel(upload);
  uploader.remove(upload);
  if (upload.finished) return;
  const listening = new AbortController();
  const remove = () => {
    if (!upload.finished) return;
    listening.abort();
    uploader.remove(upload);
  };
  uploader.addEventListener("state", remove, { signal: listening.signal });
}
