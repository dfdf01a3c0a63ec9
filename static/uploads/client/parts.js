import { ConnectionLost, isCorrupted } from "./errors.js";
import { MAX_PARTS } from "./net/api.js";
import { Batch } from "./net/batch.js";
import { Retry } from "./net/retry.js";
import { send } from "./net/transport.js";

/** Parts whose checksum is computed while others are being sent. */
const AHEAD = 2;

/**
 * Sends the parts of a file that storage does not have yet, several at a time.
 * @param {import("./upload.js").Upload} upload with a session that has a token
 * @param {Map<number, string>} arrived the parts that storage has, with their checksums ("" when it has none)
 * @param {object} tools
 * @param {import("./net/api.js").Api} tools.api
 * @param {import("./net/pool.js").Pool} tools.pool
 * @param {import("./hashing/hasher.js").Hasher} tools.hasher
 * @param {import("./net/connection.js").Connection} tools.connection
 * @param {AbortSignal} tools.signal
 * @param {(sent: number) => void} tools.onProgress is told all bytes of the file that storage has or that have left
 * @param {(reason: "retry"|"rate_limited"|"offline"|null) => void} tools.onWait
 * @returns {Promise<void>} rejects with the first error that no further try can cure
 */
export async function sendParts(upload, arrived, { api, pool, hasher, connection, signal, onProgress, onWait }) {
  const { id, token, partSize, partCount } = upload.session;
  const signer = new Batch((parts) => api.signParts(id, token, parts), MAX_PARTS);
  const inFlight = new Map();
  let done = [...arrived.keys()].reduce((sum, number) => sum + slice(number).size, 0);
  // What storage has comes last: it is only compared, and nobody has to wait for that.
  const numbers = Array.from({ length: partCount }, (_, index) => index + 1);
  const order = [...numbers.filter((number) => !arrived.has(number)), ...arrived.keys()].values();

  // One lane that gives up stops the others.
  const giveUp = new AbortController();
  const either = AbortSignal.any([signal, giveUp.signal]);
  try {
    await Promise.all(Array.from({ length: Math.min(pool.most + AHEAD, partCount) }, lane));
  } catch (error) {
    giveUp.abort(error);
    throw error;
  }

  async function lane() {
    for (const number of order) {
      if (!arrived.has(number)) {
        await deliver(number);
      } else if (!(await isSame(number))) {
        done -= slice(number).size;
        await deliver(number);
      }
    }
  }

  /** The middle of a file may have changed since storage got this part, and its name, size and time not. */
  async function isSame(number) {
    return !arrived.get(number) || arrived.get(number) === (await hasher.sha256(slice(number), either));
  }

  async function deliver(number) {
    const blob = slice(number);
    const retry = new Retry(connection, either, onWait);
    let sha256 = null;
    await retry.run(async () => {
      sha256 ??= await hasher.sha256(blob, either);
      try {
        await pool.run(upload.key, () => sendOne(number, blob, sha256), either);
      } catch (error) {
        inFlight.delete(number);
        report();
        if (isCorrupted(error)) sha256 = null;
        if (error instanceof ConnectionLost) await assertReadable(blob);
        throw error;
      }
    });
    inFlight.delete(number);
    done += blob.size;
    report();
  }

  async function sendOne(number, blob, sha256) {
    // Signed only now, so that it cannot expire while it waits for its turn.
    const request = await signer.ask({ part_number: number, sha256 }, either);
    await send(request, blob, {
      signal: either,
      onProgress(bytes) {
        inFlight.set(number, Math.min(bytes, blob.size));
        report();
      },
    });
  }

  function report() {
    let sent = done;
    for (const bytes of inFlight.values()) sent += bytes;
    onProgress(sent);
  }

  function slice(number) {
    return upload.file.slice((number - 1) * partSize, number * partSize);
  }
}

/**
 * A request whose body cannot be read fails exactly like one whose connection broke.
 * @param {Blob} blob
 * @returns {Promise<void>} rejects with a DOMException
 */
export async function assertReadable(blob) {
  await blob.slice(0, 1).arrayBuffer();
}
