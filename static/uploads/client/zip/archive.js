import { anySignal, orAborted, within } from "../waiting.js";
import { crc32 } from "./crc32.js";
import { archivePaths } from "./names.js";
import { centralHeader, dataDescriptor, endRecords, localHeader } from "./records.js";

/** @import { Entry } from "./records.js" */

/** Milliseconds. A file of which nothing arrives for so long has failed. */
const STALLED_AFTER = 60_000;

/** @typedef {ReadableStream<Uint8Array>|AsyncIterable<Uint8Array>} Content */

/**
 * A file for an archive.
 * @typedef {object} Member
 * @property {string} path names joined with slashes; made safe and unique in the archive
 * @property {number} size bytes, exactly
 * @property {Date} modified
 * @property {(signal: AbortSignal) => Content|Promise<Content>} open called just before the file is read, so that an
 *   address that expires can be signed then
 */

/** Why there is no archive. `code` is "member_failed", "member_size", "too_large" or "not_saved". */
export class ZipError extends Error {
  /**
   * @param {"member_failed"|"member_size"|"too_large"|"not_saved"} code
   * @param {{path?: string, limit?: number, cause?: unknown}} [details] the file that failed; the largest archive in bytes
   */
  constructor(code, { path = "", limit = 0, cause } = {}) {
    super(path ? `${code}: ${path}` : code, { cause });
    this.code = code;
    this.path = path;
    this.limit = limit;
  }
}

/**
 * A ZIP archive that is made while it is read: files are stored without compression, one after the other, and none is
 * held in memory. A file that cannot be read, or is not as long as it should be, ends it with an error, before the
 * directory at its end, without which no reader takes it for an archive.
 */
export class Archive {
  #members;
  /** @type {Entry[]} */
  #entries;
  #directory;

  /** @param {Member[]} members */
  constructor(members) {
    const encoder = new TextEncoder();
    const paths = archivePaths(members.map((member) => member.path));
    this.#members = members;
    this.#entries = members.map(({ modified, size }, index) => {
      if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`not a size: ${size}`);
      return { name: encoder.encode(paths[index]), modified, size, crc: 0, offset: 0 };
    });
    this.#directory = layOut(this.#entries);
    const { offset, size } = this.#directory;
    /** The bytes of the whole archive. */
    this.size = offset + size + endRecords(this.#directory).length;
  }

  /**
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<Uint8Array, void, undefined>} the bytes of the archive; throws a ZipError, or the signal's
   *   reason
   */
  async *chunks(signal) {
    for (const [index, entry] of this.#entries.entries()) {
      yield localHeader(entry);
      yield* this.#content(this.#members[index], entry, signal);
      yield dataDescriptor(entry);
    }
    for (const entry of this.#entries) yield centralHeader(entry);
    signal.throwIfAborted();
    yield endRecords(this.#directory);
  }

  /**
   * @param {Member} member
   * @param {Entry} entry gets the checksum
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<Uint8Array, void, undefined>}
   */
  async *#content(member, entry, signal) {
    const { path, size } = member;
    let bytes = 0;
    entry.crc = 0;
    for await (const chunk of read(member, signal)) {
      bytes += chunk.length;
      if (bytes > size) break;
      entry.crc = crc32(chunk, entry.crc);
      yield chunk;
    }
    if (bytes !== size) throw new ZipError("member_size", { path });
  }
}

/**
 * Notes where each file begins.
 * @param {Entry[]} entries
 * @returns {{count: number, offset: number, size: number}} the directory at the end of the archive
 */
function layOut(entries) {
  let offset = 0;
  for (const entry of entries) {
    entry.offset = offset;
    offset += localHeader(entry).length + entry.size + dataDescriptor(entry).length;
  }
  const size = entries.reduce((sum, entry) => sum + centralHeader(entry).length, 0);
  return { count: entries.length, offset, size };
}

/**
 * Reads a file, in any browser: not every one iterates over streams.
 * @param {Member} member
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Uint8Array, void, undefined>} throws a ZipError, or the signal's reason
 */
async function* read({ path, open }, signal) {
  /** @type {{next: () => Promise<IteratorResult<Uint8Array, unknown>>, stop: () => unknown}|null} */
  let source = null;
  /** @type {<T>(promise: T|Promise<T>) => Promise<T>} */
  const next = (promise) => within(orAborted(promise, signal), STALLED_AFTER);
  // Nobody waits any more: whatever is still being opened ends, or is stopped once it is open.
  const ended = new AbortController();
  try {
    signal.throwIfAborted();
    const opening = Promise.resolve(open(anySignal([signal, ended.signal])));
    opening.then((content) => ended.signal.aborted && stop(sourceOf(content))).catch(() => {});
    source = sourceOf(await next(opening));
    for (;;) {
      const result = await next(source.next());
      if (result.done) break;
      yield result.value;
    }
    source = null;
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new ZipError("member_failed", { path, cause });
  } finally {
    ended.abort();
    if (source) stop(source);
  }
}

/**
 * Stops reading, whatever the source says, or if it never answers: the archive has its result already.
 * @param {{stop: () => unknown}} source
 */
function stop(source) {
  Promise.resolve(source.stop()).catch(() => {});
}

/** @param {Content} content */
function sourceOf(content) {
  if (content instanceof ReadableStream) {
    const reader = content.getReader();
    return { next: () => reader.read(), stop: () => reader.cancel() };
  }
  const iterator = content[Symbol.asyncIterator]();
  return { next: () => iterator.next(), stop: () => iterator.return?.() };
}
