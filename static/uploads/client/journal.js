const STORE = "uploads";
const KEPT = 30 * 24 * 3600 * 1000;

/**
 * @typedef {object} Entry what is known of a file that was chosen before
 * @property {string} fingerprint
 * @property {string} id
 * @property {"sending"|"sent"|"cancelled"} state `sent`: storage said that it has every byte; `cancelled`: what storage
 *   has of it is still to be removed
 * @property {string|null} token of an upload in parts
 * @property {number} [partSize]
 * @property {number} [partCount]
 * @property {number} [time] of the last change, milliseconds; set by put()
 */

/**
 * Remembers uploads in IndexedDB, beyond a reload or a crash. Where there is no database (some private windows), it
 * remembers as long as the page lives: uploading works, resuming after a reload does not.
 */
export class Journal {
  /** @type {Promise<IDBDatabase|null>} */
  #database;
  /** @type {Map<string, Entry>} */
  #memory = new Map();

  /** @param {string} namespace separates the users of one browser */
  constructor(namespace) {
    this.#database = open(`filehub:${namespace}`).catch((error) => {
      console.warn("filehub: uploads cannot be resumed after a reload:", error);
      return null;
    });
  }

  /**
   * @param {string} fingerprint
   * @returns {Promise<Entry|undefined>}
   */
  async get(fingerprint) {
    const store = await this.#store("readonly");
    return store ? result(store.get(fingerprint)) : this.#memory.get(fingerprint);
  }

  /** @param {Entry} entry */
  async put(entry) {
    const dated = { ...entry, time: Date.now() };
    const store = await this.#store("readwrite");
    if (store) {
      await result(store.put(dated));
    } else {
      this.#memory.set(entry.fingerprint, dated);
    }
  }

  /**
   * Forgets a file, unless it has become another upload meanwhile.
   * @param {string} fingerprint
   * @param {string} id
   */
  async remove(fingerprint, id) {
    const store = await this.#store("readwrite");
    const entry = store ? await result(store.get(fingerprint)) : this.#memory.get(fingerprint);
    if (entry?.id !== id) return;
    if (store) {
      await result(store.delete(fingerprint));
    } else {
      this.#memory.delete(fingerprint);
    }
  }

  /**
   * Drops what is too old, and returns what was cancelled but not yet removed from storage.
   * @returns {Promise<Entry[]>}
   */
  async tidy() {
    const store = await this.#store("readwrite");
    if (!store) return [];
    await result(store.index("time").getAllKeys(IDBKeyRange.upperBound(Date.now() - KEPT))).then((old) =>
      Promise.all(old.map((fingerprint) => result(store.delete(fingerprint)))),
    );
    return result(store.index("state").getAll("cancelled"));
  }

  async #store(mode) {
    const database = await this.#database;
    return database?.transaction(STORE, mode).objectStore(STORE);
  }
}

async function open(name) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    const store = request.result.createObjectStore(STORE, { keyPath: "fingerprint" });
    store.createIndex("time", "time");
    store.createIndex("state", "state");
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
