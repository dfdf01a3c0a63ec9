// What browsers, servers and disks may never answer.

/** @type {Promise<any>} */
const silence = new Promise(() => {});
/** @type {any} */
export const nothing = () => silence;

/** What the current case has replaced. @type {(() => void)[]} */
const undo = [];

/**
 * Replaces a property until the end of the case.
 * @param {any} object
 * @param {string} name
 * @param {any} value
 */
export function replace(object, name, value) {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
  undo.push(() => (before ? Object.defineProperty(object, name, before) : delete object[name]));
}

/** Long waits end soon, in their order. */
export function shortenWaits() {
  const { setTimeout } = globalThis;
  /** @type {(act: () => void, time?: number) => any} */
  const soon = (act, time = 0) => setTimeout(act, time < 1_000 ? time : 100 + time / 1_000);
  replace(globalThis, "setTimeout", soon);
  /** @param {number} time */
  const timeout = (time) => {
    const controller = new AbortController();
    soon(() => controller.abort(new DOMException("", "TimeoutError")), time);
    return controller.signal;
  };
  replace(AbortSignal, "timeout", timeout);
}

/** Requests to IndexedDB never report a result. */
export function silenceRequests() {
  for (const [type, names] of /** @type {const} */ ([
    [IDBObjectStore, ["get", "put", "delete"]],
    [IDBIndex, ["getAll", "getAllKeys"]],
  ])) {
    for (const name of names) replace(type.prototype, name, () => ({}));
  }
}

/** @returns {() => IDBDatabase[]} the databases that have been opened since */
export function captureDatabases() {
  /** @type {IDBOpenDBRequest[]} */
  const requests = [];
  const { open } = IDBFactory.prototype;
  /** @this {IDBFactory} @param {string} name @param {number} version */
  const captured = function (name, version) {
    const request = open.call(this, name, version);
    requests.push(request);
    return request;
  };
  replace(IDBFactory.prototype, "open", captured);
  return () => requests.map((request) => request.result);
}

/**
 * Like `fetch`, but the body never ends.
 * @param {string|Request} request
 * @param {{signal?: AbortSignal|null}} [options]
 * @param {number} [status]
 */
export async function respondInPart(request, options = {}, status = 200) {
  const signal = typeof request === "string" ? options.signal : request.signal;
  /** @param {ReadableStreamDefaultController} body */
  const start = (body) => {
    body.enqueue(new TextEncoder().encode("["));
    signal?.addEventListener("abort", () => body.error(signal.reason));
  };
  return new Response(new ReadableStream({ start }), { status });
}

/**
 * Has the user choose a file for an archive.
 * @param {Record<string, any>} broken what does not work when it is written
 */
export function saveTo(broken) {
  const stream = { write: async () => {}, close: async () => {}, abort: async () => {}, ...broken };
  const handle = { createWritable: async () => stream, getFile: async () => new Blob(["x"]), ...broken };
  replace(globalThis, "showSaveFilePicker", async () => handle);
}

/** Ends the replacements of a case. */
export function restore() {
  while (undo.length > 0) undo.pop()?.();
}
