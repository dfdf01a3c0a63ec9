import { ApiError } from "../../../static/uploads/client/errors.js";
import { Quota } from "../../../static/uploads/page/files/quota.js";
import { FakeApi, hurry, ONE_PART, recordUncaught, until } from "../client/support.js";
import { equal, test } from "../client/testing.js";

/**
 * Refreshes the line twice. The first request fails.
 * @param {Error} error
 * @returns {Promise<string[]>} uncaught errors
 */
async function refreshAfter(error) {
  hurry();
  const uncaught = recordUncaught();
  const element = document.createElement("p");
  element.textContent = "1 kB of 2 kB used";
  const api = new FakeApi(ONE_PART);
  let fetched = false;
  api.request = async () => {
    fetched = true;
    throw error;
  };
  const quota = new Quota(element, api);
  quota.refresh();
  await until(() => fetched);
  equal(element.textContent, "1 kB of 2 kB used", "after an error");
  const body = { quota: { used: 2000, limit: 2000 } };
  api.request = async () => ({ status: 200, headers: new Headers(), body });
  await until(() => {
    quota.refresh();
    return element.textContent === "2\u00a0kB of 2\u00a0kB used";
  });
  return uncaught;
}

test("the quota is requested again after a failure", async () => {
  equal(await refreshAfter(new ApiError(503, "unavailable", "")), []);
});

test("an unexpected error in the quota is reported", async () => {
  equal(await refreshAfter(new TypeError("a bug")), ["a bug"]);
});
