import { ApiError } from "../../../static/uploads/client/errors.js";
import { Pool } from "../../../static/uploads/client/net/pool.js";
import { Signer } from "../../../static/uploads/client/net/signer.js";
import { Speed } from "../../../static/uploads/client/net/speed.js";
import { delay, FakeApi, until } from "./support.js";
import { equal, ok, test } from "./testing.js";

/** @import { Begun, Beginning } from "../../../static/uploads/client/net/api.js" */

/** @param {number|string} name */
const file = (name) => ({ file_name: String(name), content_type: "text/plain", size: 1 });

/** @param {{file_name: string}} file */
const signed = ({ file_name }) => ({ id: `id of ${file_name}`, method: "PUT", url: "/", headers: {} });

/** A server that signs after `respond` was called, and counts the files of each call. */
class SigningApi extends FakeApi {
  /** @type {number[]} */
  calls = [];
  /** @type {() => Promise<unknown>} */
  answer = async () => {};
  /** @type {(file: Beginning) => any} */
  result = signed;

  constructor() {
    super({ method: "PUT", url: "/", headers: {} });
  }

  /**
   * @override
   * @param {Beginning} [one]
   */
  async begin(one) {
    this.calls.push(1);
    await this.answer();
    const result = this.result(/** @type {Beginning} */ (one));
    if (result instanceof ApiError) throw result;
    return result;
  }

  /**
   * @override
   * @param {Beginning[]} files
   */
  async beginAll(files) {
    this.calls.push(files.length);
    await this.answer();
    return files.map((one) => this.result(one));
  }
}

/** A pool all of whose lanes are busy. */
function busyPool() {
  const pool = new Pool(2, new Speed());
  const task = { file: 0, size: 1, signal: new AbortController().signal };
  for (let lane = 0; lane < 2; lane += 1) pool.run(task, () => new Promise(() => {}));
  return pool;
}

/** @param {Promise<Begun>} promise */
const outcome = (promise) =>
  promise.then(
    ({ id }) => id,
    ({ code, status, retryAfter, message }) => [code, status, retryAfter, message],
  );

test("files that are signed at the same time share a call, in order", async () => {
  const api = new SigningApi();
  const signer = new Signer(api, new Pool(6, new Speed()));
  const ids = await Promise.all([1, 2, 3].map((name) => outcome(signer.sign(file(name)))));
  equal(ids, ["id of 1", "id of 2", "id of 3"]);
  equal(api.calls, [3]);
});

test("what is submitted during a call goes into the next one", async () => {
  const api = new SigningApi();
  const signer = new Signer(api, new Pool(6, new Speed()));
  const { promise, resolve } = Promise.withResolvers();
  api.answer = () => promise;
  const all = [signer.sign(file("first"))];
  await until(() => api.calls.length === 1);
  for (let number = 0; number < 150; number += 1) {
    all.push(signer.sign(file(number)));
    if (number % 50 === 0) await delay(2);
  }
  equal(api.calls, [1], "calls at the same time");
  resolve(undefined);
  await Promise.all(all);
  equal(api.calls, [1, 100, 50]);
});

test("while no lane is free, files wait a little for others", async () => {
  const api = new SigningApi();
  const signer = new Signer(api, busyPool());
  const all = [];
  for (let number = 0; number < 30; number += 1) {
    all.push(signer.sign(file(number)));
    await delay(5);
  }
  await Promise.all(all);
  equal(api.calls, [30]);
});

test("files that come one after another without end are signed now and then", async () => {
  const api = new SigningApi();
  const signer = new Signer(api, busyPool());
  for (let number = 0; api.calls.length === 0; number += 1) {
    signer.sign(file(number));
    await delay(20);
  }
  ok(api.calls[0] > 1, "several files share the call");
});

/** The answer for one file of several, and what its upload gets. @type {[answer: any, expected: unknown][]} */
const RESULTS = [
  [new ApiError(429, "rate_limited", "Wait.", 7), ["rate_limited", 429, 7, "Wait."]],
  [new ApiError(400, "invalid_name", "No.", null), ["invalid_name", 400, null, "No."]],
  [{ id: "other", token: "t", multipart: { part_size: 5, part_count: 1 } }, "other"],
];

test("an error of one file is not that of the others", async () => {
  for (const [answer, expected] of RESULTS) {
    const api = new SigningApi();
    api.result = (one) => (one.file_name === "2" ? answer : signed(one));
    const signer = new Signer(api, new Pool(6, new Speed()));
    const outcomes = await Promise.all([1, 2, 3].map((name) => outcome(signer.sign(file(name)))));
    equal(outcomes, ["id of 1", expected, "id of 3"]);
  }
});

/** Errors of a call for several files, and whether files are signed one by one after that. @type {[status: number, code: string, singly: boolean][]} */
const ERRORS = [
  [404, "not_found", true],
  [405, "", true],
  [400, "invalid_request", false],
  [401, "not_authenticated", false],
  [403, "csrf_failed", false],
  [429, "rate_limited", false],
  [503, "unavailable", false],
  [0, "network", false],
];

test("a server that signs only one file in each call gets one call for each", async () => {
  for (const [status, code, singly] of ERRORS) {
    const api = new SigningApi();
    const several = api.beginAll.bind(api);
    api.beginAll = async (files) => {
      await several(files);
      throw new ApiError(status, code, "", null);
    };
    const signer = new Signer(api, new Pool(6, new Speed()));
    const outcomes = await Promise.all([1, 2, 3].map((name) => outcome(signer.sign(file(name)))));
    const error = [code, status, null, ""];
    equal(outcomes, singly ? ["id of 1", "id of 2", "id of 3"] : [error, error, error], `status ${status}`);
    equal(api.calls, singly ? [3, 1, 1, 1] : [3], `status ${status}`);
  }
});

test("calls for one file each are few at the same time", async () => {
  const api = new SigningApi();
  api.beginAll = () => Promise.reject(new ApiError(404, "", "", null));
  let running = 0;
  let most = 0;
  let open = () => {};
  /** @type {Promise<void>} */
  const sixHaveBegun = new Promise((resolve) => {
    open = resolve;
  });
  api.answer = async () => {
    running += 1;
    most = Math.max(most, running);
    if (running === 6) open();
    await sixHaveBegun;
    await delay(5);
    running -= 1;
  };
  const signer = new Signer(api, new Pool(6, new Speed()));
  await Promise.all(Array.from({ length: 30 }, (_, number) => signer.sign(file(number))));
  equal(api.calls.length, 30);
  equal(most, 6);
});

test("a call that fails does not keep later files from being signed", async () => {
  const api = new SigningApi();
  api.answer = () => Promise.reject(new ApiError(503, "unavailable", "", 1));
  const signer = new Signer(api, new Pool(6, new Speed()));
  equal(await outcome(signer.sign(file(1))), ["unavailable", 503, 1, ""]);
  api.answer = async () => {};
  equal(await outcome(signer.sign(file(2))), "id of 2");
});
