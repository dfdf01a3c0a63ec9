const STORE = "uploads";
/** Shorter than filehub remembers that a file was deleted (28 days): after that it could not tell any more. */
const KEPT = 21 * 24 * 3600 * 1000;
/** A database that has not opened by then (Safari, now and then) must not keep anybody from uploading. */
const PATIENCE = 3_000;

/**
 * @typedef {object} Entry what is known of a file that was chosen before
 * @property {string} fingerprint
 * @property {string} id
 * @property {"sending"|"sent"|"cancelled"} state `sent`: storage said that it has every byte; `cancelled`: what storage
 *   has of it is still to be removed
 * @property {string|null} token of an upload in parts
 * @property {number} [partSize]
 * @property {number} [partCount]
 * @property {number} time of the last change, milliseconds
 */

/**
 * Remembers uploads in IndexedDB, beyond a reload or a crash. Where there is no database (some private windows, a full
 * disk), it remembers as long as the page lives: uploading works, resuming after a reload does not.
 */
export class Journal {
  /** @type {Promise<IDBDatabase|null>} */
  #database;
  /** @type {Map<string, Entry>} what this page has put, whatever becomes of the database */
  #memory = new Map();

  /** @param {string} namespace separates the users of one browser */
  constructor(namespace) {
    /** @type {Promise<never>} */
    const late = new Promise((_resolve, reject) => setTimeout(() => reject(new Error("it does not open")), PATIENCE));
    this.#database = Promise.race([open(`filehub:${namespace}`), late]).catch((error) => this.#giveUp(error));
  }

  /**
   * @param {string} fingerprint
   * @returns {Promise<Entry|undefined>}
   */
  async get(fingerprint) {
    /** @type {Entry|undefined} */
    const entry = await this.#try(
      "readonly",
      (store) => result(store.get(fingerprint)),
      () => this.#memory.get(fingerprint),
    );
    return entry && entry.time > Date.now() - KEPT ? entry : undefined;
  }

  /** @param {Omit<Entry, "time">} entry */
  async put(entry) {
    const { fingerprint, id, state, token, partSize, partCount } = entry;
    const dated = { fingerprint, id, state, token, partSize, partCount, time: Date.now() };
    this.#memory.set(fingerprint, dated);
    await this.#write((store) => result(store.put(dated)));
  }

  /**
   * Forgets a file, unless it has become another upload meanwhile.
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
   * Forgets an upload whose fingerprint nobody knows here, such as that of a file which was deleted.
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
   * Drops what is too old, and returns what was cancelled but not yet removed from storage.
   * @returns {Promise<Entry[]>}
   */
  tidy() {
    return this.#try(
      "readwrite",
      async (store) => {
        const old = IDBKeyRange.upperBound(Date.now() - KEPT);
        const fingerprints = await result(store.index("time").getAllKeys(old));
        for (const fingerprint of fingerprints) await result(store.delete(fingerprint));
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
    const database = await this.#database;
    if (!database) return otherwise();
    try {
      return await work(database.transaction(STORE, mode).objectStore(STORE));
    } catch (error) {
      // A journal that cannot be written is no reason not to upload.
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
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
