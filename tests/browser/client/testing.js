// The functions for tests in *.test.js. tests/browser/test_javascript.py runs each test in its own page, so that tests
// need not undo changes to the page or to built-in objects.

/** Milliseconds. */
const TIMEOUT = 30_000;

/** @type {Map<string, () => unknown>} */
const tests = new Map();

/**
 * @param {string} name a literal, because pytest reads the name without running the file
 * @param {() => unknown} body fails by throwing or rejecting
 */
export function test(name, body) {
  if (tests.has(name)) throw new Error(`two tests have the name "${name}"`);
  tests.set(name, body);
}

/** Declares a test that takes long, so that only `make test-all` runs it. */
export const exhaustiveTest = test;

/**
 * Runs one test. Called by test_javascript.py.
 * @param {string} file the URL of its module
 * @param {string} name
 * @returns {Promise<{names: string[], failure: string|null}>} the names of all tests in the file, and why it failed
 */
export async function run(file, name) {
  /** @type {string|null} */
  let failure = null;
  // Started before the test can replace setTimeout.
  const late = new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error(`still running after ${TIMEOUT} ms`)), TIMEOUT);
  });
  try {
    await import(file);
    const body = tests.get(name);
    if (!body) throw new Error(`${file} has no test "${name}"`);
    await Promise.race([body(), late]);
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  }
  return { names: [...tests.keys()], failure };
}

/**
 * @param {unknown} value
 * @param {string} what is expected to be true
 */
export function ok(value, what) {
  if (!value) throw new Error(`expected: ${what}`);
}

/**
 * Compares values; arrays and plain objects are compared by their contents.
 * @param {unknown} actual
 * @param {unknown} expected
 * @param {string} [what] is compared, if it is not obvious
 */
export function equal(actual, expected, what = "") {
  if (isSame(actual, expected)) return;
  throw new Error(`${what ? `${what}: ` : ""}expected ${show(expected)}, got ${show(actual)}`);
}

/**
 * @param {any} one
 * @param {any} other
 * @returns {boolean}
 */
function isSame(one, other) {
  if (Object.is(one, other)) return true;
  if (!isContainer(one) || !isContainer(other) || Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => key in other && isSame(one[key], other[key]));
}

/** @param {unknown} value */
function isContainer(value) {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

/** @param {unknown} value */
function show(value) {
  return JSON.stringify(value, (_key, inner) => (inner === undefined ? "(undefined)" : inner)) ?? String(value);
}
