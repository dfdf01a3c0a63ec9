import { missingFunctions } from "../../../static/uploads/client/platform.js";
import { Uploader } from "../../../static/uploads/client/uploader.js";
import { anySignal, timeoutSignal } from "../../../static/uploads/client/waiting.js";
import { FakeApi, makeFile, ONE_PART, until } from "./support.js";
import { equal, test } from "./testing.js";

const scope = /** @type {Record<string, any>} */ (/** @type {unknown} */ (globalThis));

test("a browser that lacks a necessary function is recognised", () => {
  equal(missingFunctions(), []);
  for (const name of ["AbortController", "Blob", "File", "Request", "XMLHttpRequest", "fetch"]) {
    const before = scope[name];
    scope[name] = undefined;
    equal(missingFunctions(), [name]);
    scope[name] = before;
  }
});

test("an upload without a necessary function fails with a reason, and cannot be retried", () => {
  scope.XMLHttpRequest = undefined;
  const uploader = new Uploader(new FakeApi(ONE_PART), { namespace: "user-1" });
  const [upload] = uploader.add([makeFile("a")]);
  equal([upload.state, upload.problem?.code, upload.canRetry], ["failed", "unsupported", false]);
});

test("signals are combined and end in browsers without AbortSignal.any and AbortSignal.timeout", async () => {
  for (const name of ["any", "timeout"]) Object.defineProperty(AbortSignal, name, { value: undefined });
  const controllers = [new AbortController(), new AbortController()];
  const signals = controllers.map(({ signal }) => signal);
  const combined = anySignal(signals);
  equal(combined.aborted, false);
  controllers[1].abort("second");
  controllers[0].abort("first");
  equal([combined.aborted, combined.reason], [true, "second"]);
  equal(anySignal(signals).reason, "first", "signals that were aborted before");
  const timeout = timeoutSignal(1);
  await until(() => timeout.aborted);
  equal(timeout.reason.name, "TimeoutError");
});
