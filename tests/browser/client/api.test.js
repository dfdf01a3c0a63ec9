import { ApiError, problemOf, remedyOf } from "../../../static/uploads/client/errors.js";
import { Api } from "../../../static/uploads/client/net/api.js";
import { equal, ok, test } from "./testing.js";

/** @type {[what: string, body: BodyInit, code: string][]} */
const BROKEN_ANSWERS = [
  ["breaks off", breaksOff(), "network"],
  ["is not JSON", "<h1>Hello</h1>", "unreadable_answer"],
  ["is empty", "", "unreadable_answer"],
];

function breaksOff() {
  return new ReadableStream({
    pull(controller) {
      controller.error(new TypeError("network error"));
    },
  });
}

test("an answer that cannot be read has the code of its cause", async () => {
  for (const [what, body, code] of BROKEN_ANSWERS) {
    globalThis.fetch = async () => new Response(body);
    const failure = await new Api("csrf-token").request("GET", "/files").catch((error) => error);
    ok(failure instanceof ApiError, `an ApiError when the answer ${what}`);
    equal(failure.code, code, `the code when the answer ${what}`);
  }
});

test("a browser that cannot call the server is told so", async () => {
  const scope = /** @type {Record<string, any>} */ (/** @type {unknown} */ (globalThis));
  for (const name of ["AbortController", "Request", "fetch"]) {
    const before = scope[name];
    scope[name] = undefined;
    const failure = await new Api("csrf-token").request("GET", "/files").catch((error) => error);
    equal([failure.code, remedyOf(failure)], ["unsupported", "give up"], `without ${name}`);
    scope[name] = before;
  }
});

const SIGNED = { id: "1", method: "PUT", url: "https://storage/1", headers: {}, expires_at: "2026-01-01T00:00:00Z" };
const PLAN = { id: "2", token: "t", multipart: { part_size: 5, part_count: 2 }, expires_at: "2026-01-01T00:00:00Z" };

/**
 * Results for a file, what the client makes of them, and what it does then.
 * @type {[result: any, status: number, retryAfter: number|null, remedy: string, retryable: boolean][]}
 */
const FILE_ERRORS = [
  [{ error: "Wait.", code: "rate_limited", retry_after: 7 }, 429, 7, "wait", true],
  [{ error: "Down.", code: "unavailable", retry_after: 2 }, 503, 2, "wait", true],
  [{ error: "Bug.", code: "internal_error" }, 500, null, "wait", true],
  [{ error: "Full.", code: "quota_exceeded" }, 413, null, "give up", true],
  [{ error: "Bad name.", code: "invalid_name" }, 400, null, "give up", false],
  [{ error: "Large.", code: "file_too_large" }, 400, null, "give up", false],
  [{ error: "Type.", code: "type_not_allowed" }, 400, null, "give up", false],
  [{ error: "New.", code: "a_code_of_later" }, 400, null, "give up", false],
];

test("the errors of single files are those with which a request for one file fails", async () => {
  const results = [SIGNED, ...FILE_ERRORS.map(([result]) => result), PLAN];
  let sent = "";
  globalThis.fetch = async (request) => {
    sent = await /** @type {Request} */ (request).text();
    return new Response(JSON.stringify({ results }));
  };
  const files = results.map((_, number) => ({ file_name: `${number}`, content_type: "a/b", size: 1 }));
  const begun = await new Api("csrf-token").beginAll(files);
  equal(JSON.parse(sent), { files });
  equal([begun[0], begun.at(-1)], [SIGNED, PLAN]);
  for (const [index, [{ error, code }, status, retryAfter, remedy, retryable]] of FILE_ERRORS.entries()) {
    const actual = begun[index + 1];
    ok(actual instanceof ApiError, `${code} is an ApiError`);
    const failure = /** @type {ApiError} */ (actual);
    equal([failure.code, failure.message, failure.status, failure.retryAfter], [code, error, status, retryAfter]);
    equal([remedyOf(failure), problemOf(failure).retryable], [remedy, retryable], code);
  }
});
