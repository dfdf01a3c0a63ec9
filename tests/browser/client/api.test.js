import { ApiError } from "../../../static/uploads/client/errors.js";
import { Api } from "../../../static/uploads/client/net/api.js";
import { equal, ok, test } from "./testing.js";

test("a fragment that breaks off is a failure of the network", async () => {
  globalThis.fetch = async () => {
    const body = new ReadableStream({
      pull(controller) {
        controller.error(new TypeError("network error"));
      },
    });
    return new Response(body);
  };
  /** @type {unknown} */
  let failure;
  await new Api("csrf-token").fragment("/rows").catch((error) => {
    failure = error;
  });
  ok(failure instanceof ApiError, "an ApiError");
  equal(/** @type {ApiError} */ (failure).code, "network");
});
