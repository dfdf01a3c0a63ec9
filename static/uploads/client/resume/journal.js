import { Batch } from "../net/batch.js";
import { within } from "../waiting.js";

/** @import { About } from "../net/api.js" */
/** @import { FileHandle } from "./handles.js" */
/** @import { PartsSession, Session } from "../upload.js" */

const STORE = "uploads";
/** Milliseconds. Less than filehub remembers deleted files (28 days), so that a deleted file is recognised. */
const MAX_AGE = 21 * 24 * 3600 * 1000;
/** Milliseconds. A database that does not answer (Safari, occasionally) must not prevent uploads. */
const TIMEOUT = 10_000;

/** Entries in one transaction. */
const MAX_ENTRIES = 200;
/** Milliseconds for which a file that was sent may wait for others. Until then, it counts as being sent. */
const GATHER = 50;

/**
 * @typedef {object} Entry an upload of an earlier visit
 * @property {string} fingerprint
 * @property {string} id
 * @property {"sending"|"sent"|"cancelled"} state `sent`: storage confirmed every byte; `cancelled`: it still has to be
 *   removed from storage
 * @property {string|null} token of a multipart upload
 * @property {number} [partSize]
 * @property {number} [partCount]
 * @property {number} [expires] when the server no longer accepts the token of a multipart upload, in milliseconds
 * @property {Description} [file] of a multipart upload that is not complete
 * @property {number} time of the last change, in milliseconds
 */

/**
 * What a multipart upload can be shown and continued with after a reload. Kept no longer than it is needed, because the
 * names of files stay readable in the browser's storage.
 * @typedef {object} Description
 * @property {string} path of the file, or its name
 * @property {number} size bytes
 * @property {number} modified the file's `lastModified`
 * @property {number} safe bytes of the parts that storage has confirmed
 * @property {FileHandle|null} handle
 * @property {About} [about] missing in old entries
 */

/** @typedef {Entry & {token: string, file: Description}} UnfinishedEntry */

/**
 * Remembers uploads in IndexedDB across reloads and crashes. A transaction costs more than what is in it, so entries that
 * are read or written at about the same time share one. Without a database (some private windows, a full disk) it
 * remembers them until the page is closed: uploading works, but resuming after a reload does not.
 */
export class Journal {
  /** @type {Promise<IDBDatabase|null>} */
  #database;
  /** @type {Map<string, Entry>} what this page has put, in case the database fails */
  #memory = new Map();
  /** @type {Batch<string, Entry|undefined>} */
  #gets = new Batch((fingerprints) => this.#getAll(fingerprints), MAX_ENTRIES);
  /** @type {Batch<Entry, undefined>} */
  #puts = new Batch((entries) => this.#putAll(entries), MAX_ENTRIES);

  /** @param {string} namespace separates the users of one browser */
  constructor(namespace) {
    this.#database = open(`filehub:${namespace}`).catch((error) => this.#giveUp(error));
  }

  /**
   * @param {string} fingerprint
   * @returns {Promise<Entry|undefined>}
   */
  async get(fingerprint) {
    const entry = await this.#gets.submit(fingerprint);
    return entry && entry.time > Date.now() - MAX_AGE ? entry : undefined;
  }

  /** @param {Omit<Entry, "time">} entry */
  async put(entry) {
    const { fingerprint, id, state, token, partSize, partCount, expires, file } = entry;
    const dated = { fingerprint, id, state, token, partSize, partCount, expires, file, time: Date.now() };
    this.#memory.set(fingerprint, dated);
    await this.#puts.submit(dated, { delay: state === "sent" ? GATHER : 0 });
  }

  /**
   * @param {string[]} fingerprints
   * @returns {Promise<(Entry|undefined)[]>}
   */
  #getAll(fingerprints) {
    return this.#try(
      "readonly",
      (store) => results(fingerprints.map((fingerprint) => store.get(fingerprint))),
      () => fingerprints.map((fingerprint) => this.#memory.get(fingerprint)),
    );
  }

  /**
   * @param {Entry[]} entries
   * @returns {Promise<undefined[]>}
   */
  #putAll(entries) {
    return this.#try(
      "readwrite",
      async (store) => {
        for (const entry of entries) putIn(store, entry);
        await completed(store.transaction);
        return entries.map(() => undefined);
      },
      () => entries.map(() => undefined),
    );
  }

  /**
   * Records how much of a multipart upload storage has, if it is still the one that is remembered.
   * @param {string} fingerprint
   * @param {string} id
   * @param {number} safe bytes
   */
  async putSafe(fingerprint, id, safe) {
    await this.#write(async (store) => {
      /** @type {Entry|undefined} */
      const entry = await result(store.get(fingerprint));
      if (entry?.id !== id || entry.state !== "sending" || !entry.file) return;
      await result(putIn(store, { ...entry, file: { ...entry.file, safe }, time: Date.now() }));
    });
  }

  /**
   * Multipart uploads that began on this or an earlier visit and are not complete.
   * @returns {Promise<UnfinishedEntry[]>} the oldest first; empty without a database
   */
  async unfinished() {
    /** @type {Entry[]} */
    const sending = await this.#try(
      "readonly",
      (store) => result(store.index("state").getAll("sending")),
      () => [],
    );
    return sending.filter(isUnfinished).sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** Erases the names and handles of files, but the same files, chosen again, still resume. */
  async forgetNames() {
    for (const [fingerprint, entry] of this.#memory) this.#memory.set(fingerprint, { ...entry, file: undefined });
    await this.#write(async (store) => {
      /** @type {Entry[]} */
      const sending = await result(store.index("state").getAll("sending"));
      for (const entry of sending) if (entry.file) await result(store.put({ ...entry, file: undefined }));
    });
  }

  /**
   * Forgets a file, unless its entry now belongs to another upload.
   * @param {string} fingerprint
   * @param {string} id
   */
  async remove(fingerprint, id) {
    if (this.#memory.get(fingerprint)?.id === id) this.#memory.delete(fingerprint);
    await this.#write(async (store) => {
      const entry = await result(store.get(fingerprint));
      if (entry?.id === id) await result(store.delete(fingerprint));
    });
  }

  /**
   * Forgets an upload whose fingerprint is unknown, such as that of a deleted file.
   * @param {string} id
   */
  async removeId(id) {
    for (const [fingerprint, entry] of this.#memory) {
      if (entry.id === id) this.#memory.delete(fingerprint);
    }
    await this.#write(async (store) => {
      for (const fingerprint of await result(store.index("id").getAllKeys(id))) await result(store.delete(fingerprint));
    });
  }

  /**
   * Drops expired entries and returns cancelled uploads that still have to be removed from storage.
   * @returns {Promise<Entry[]>}
   */
  pruneAndListCancelled() {
    return this.#try(
      "readwrite",
      async (store) => {
        const old = IDBKeyRange.upperBound(Date.now() - MAX_AGE);
        const fingerprints = await result(store.index("time").getAllKeys(old));
        for (const fingerprint of fingerprints) await result(store.delete(fingerprint));
        /** @type {Entry[]} */
        const sending = await result(store.index("state").getAll("sending"));
        for (const entry of sending) if (isExpired(entry)) await result(store.delete(entry.fingerprint));
        return result(store.index("state").getAll("cancelled"));
      },
      () => [],
    );
  }

  /**
   * @param {(store: IDBObjectStore) => Promise<unknown>} work
   * @returns {Promise<void>}
   */
  async #write(work) {
    await this.#try("readwrite", work, () => undefined);
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => Promise<T>} work
   * @param {() => T} otherwise without a database
   * @returns {Promise<T>}
   */
  async #try(mode, work, otherwise) {
    // What was put before is in the database before anything else is done with it.
    this.#puts.flush();
    const database = await this.#database;
    if (!database) return otherwise();
    try {
      return await work(database.transaction(STORE, mode).objectStore(STORE));
    } catch (error) {
      // Uploads work without the journal.
      this.#database = Promise.resolve(this.#giveUp(error));
      return otherwise();
    }
  }

  /** @param {unknown} error */
  #giveUp(error) {
    console.warn("filehub: uploads cannot be resumed after a reload:", error);
    return null;
  }
}

/**
 * For a user who signs out: other users of this browser cannot find out the names of unfinished files. The same files,
 * chosen again, still resume.
 * @param {string} namespace that of the user's Uploader
 * @returns {Promise<void>} never rejects
 */
export function forgetNames(namespace) {
  return new Journal(namespace).forgetNames();
}

/**
 * @param {Entry} entry
 * @returns {Session} to continue the upload with
 */
export function sessionOf({ id, token, partSize, partCount, expires }) {
  if (!token) return { id, token: null };
  return /** @type {PartsSession} */ ({ id, token, partSize, partCount, expires });
}

/** @param {Entry} entry */
function isExpired({ expires }) {
  return expires !== undefined && expires <= Date.now();
}

/**
 * @param {Entry} entry in the state `sending`
 * @returns {entry is UnfinishedEntry}
 */
function isUnfinished(entry) {
  return Boolean(entry.token && entry.file) && !isExpired(entry);
}

/**
 * @param {IDBObjectStore} store
 * @param {Entry} entry
 */
function putIn(store, entry) {
  try {
    return store.put(entry);
  } catch (error) {
    // Browsers that have handles but cannot store them.
    if (!(error instanceof DOMException && error.name === "DataCloneError" && entry.file?.handle)) throw error;
    return store.put({ ...entry, file: { ...entry.file, handle: null } });
  }
}

/**
 * @param {string} name
 * @returns {Promise<IDBDatabase>}
 */
async function open(name) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    const store = request.result.createObjectStore(STORE, { keyPath: "fingerprint" });
    for (const field of ["time", "state", "id"]) store.createIndex(field, field);
  };
  return result(request);
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
async function result(request) {
  const [only] = await results([request]);
  return only;
}

/**
 * @template T
 * @param {IDBRequest<T>[]} requests of one transaction, which answers them in this order
 * @returns {Promise<T[]>}
 */
function results(requests) {
  /** @type {Promise<T[]>} */
  const answer = new Promise((resolve, reject) => {
    for (const request of requests) request.onerror = () => reject(request.error);
    const last = /** @type {IDBRequest<T>} */ (requests.at(-1));
    last.onsuccess = () => resolve(requests.map((request) => request.result));
  });
  return within(answer, TIMEOUT);
}

/**
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
function completed(transaction) {
  /** @type {Promise<void>} */
  const end = new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
  return within(end, TIMEOUT);
}
