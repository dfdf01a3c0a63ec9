/** What uploads cannot do without. Everything else has a substitute. */
const REQUIRED = ["AbortController", "Blob", "File", "Request", "XMLHttpRequest", "fetch"];

/**
 * @returns {string[]} the functions that this browser lacks, or that an extension or a policy has removed
 */
export function missingFunctions() {
  const found = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (globalThis));
  return REQUIRED.filter((name) => typeof found[name] !== "function");
}

/** What a call of the server cannot do without. */
const REQUIRED_BY_CALLS = ["AbortController", "Request", "fetch"];

/** @returns {boolean} whether this browser can call the server */
export function canCall() {
  return !missingFunctions().some((name) => REQUIRED_BY_CALLS.includes(name));
}

/**
 * `reportError`, also in browsers that lack it (Safari before 15.4).
 * @param {unknown} error is reported as uncaught
 */
export function report(error) {
  if (typeof globalThis.reportError === "function") {
    globalThis.reportError(error);
  } else {
    setTimeout(() => {
      throw error;
    });
  }
}
