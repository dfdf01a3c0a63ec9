import { Hasher } from "./hashing/hasher.js";
import { MAX_IDS } from "./net/api.js";
import { Batch } from "./net/batch.js";
import { partSizeFor } from "./net/plan.js";
import { Pool } from "./net/pool.js";
import { Signer } from "./net/signer.js";
import { Speed } from "./net/speed.js";
import { Journal } from "./resume/journal.js";

/**
 * Shared by all transfers of an Uploader.
 * @typedef {object} Tools
 * @property {import("./net/api.js").Api} api
 * @property {import("./net/pool.js").Pool} pool
 * @property {import("./net/signer.js").Signer} signer
 * @property {import("./net/speed.js").Speed} speed
 * @property {import("./hashing/hasher.js").Hasher} hasher
 * @property {import("./net/connection.js").Connection} connection
 * @property {import("./resume/journal.js").Journal|null} journal null if uploads are not remembered
 * @property {import("./net/batch.js").Batch<string, import("./net/api.js").UploadStatus|undefined>} statuses
 * @property {(fingerprint: string) => string} lockName held while a file is being uploaded
 * @property {(fingerprint: string) => string} markName held while a page has an upload of the file in its list
 * @property {number} wholeLimit bytes
 */

/**
 * @param {import("./net/api.js").Api} api
 * @param {import("./net/connection.js").Connection} connection
 * @param {object} options see docs/uploader.md
 * @param {string} options.namespace
 * @param {number} options.concurrency
 * @param {number} options.wholeLimit bytes
 * @param {string|URL} [options.workerUrl]
 * @param {boolean} options.remember
 * @returns {Tools}
 */
export function createTools(api, connection, { namespace, concurrency, wholeLimit, workerUrl, remember }) {
  const speed = new Speed();
  const pool = new Pool(concurrency, speed);
  return {
    api,
    connection,
    wholeLimit,
    speed,
    pool,
    signer: new Signer(api, pool),
    hasher: new Hasher(workerUrl),
    journal: remember ? new Journal(namespace) : null,
    statuses: new Batch((ids) => askStatuses(api, ids), MAX_IDS),
    lockName: (fingerprint) => `filehub:${namespace}:${fingerprint}`,
    markName: (fingerprint) => `filehub:${namespace}:${fingerprint}:listed`,
  };
}

/**
 * @param {number} size bytes of a file
 * @param {Tools} tools
 * @returns {number|null} as `partSizeFor`, for what is known of the connection now
 */
export function plannedPartSize(size, { pool, speed, wholeLimit }) {
  return partSizeFor(size, { speed: speed.bytesPerSecond, wholeLimit, lanes: pool.lanes });
}

/**
 * @param {import("./net/api.js").Api} api
 * @param {string[]} ids
 * @returns {Promise<(import("./net/api.js").UploadStatus|undefined)[]>} in the order of the ids
 */
async function askStatuses(api, ids) {
  const known = new Map((await api.statuses(ids)).map((status) => [status.id, status]));
  return ids.map((id) => known.get(id));
}
