import { ApiError } from "../../../static/uploads/client/errors.js";
import { FileList } from "../../../static/uploads/page/files/file-list.js";
import { Announcer } from "../../../static/uploads/page/ui/announcer.js";
import { FakeApi, hurry, ONE_PART, recordUncaught, until } from "../client/support.js";
import { equal, test } from "../client/testing.js";

const PAGE = `
  <h2 id="files-heading" tabindex="-1"></h2>
  <p id="new-files" hidden><button id="show-new-files"></button></p>
  <input id="search">
  <ul id="files" data-rows-url="/rows" data-home-url="/"></ul>
  <dialog id="confirm-dialog"></dialog>
  <p id="announcer"></p>`;

const ROW = `
  <li data-file-row data-id="1" data-name="a.txt" data-state="stored">
    <button data-delete></button><p data-field="note" hidden></p>
  </li>`;

/**
 * Shows a file that has just been stored. The first requests fail.
 * @param {Error[]} errors one for each failed request
 * @returns {Promise<string[]>} uncaught errors and callbacks
 */
async function showAfter(errors) {
  hurry();
  const outcome = recordUncaught();
  document.body.innerHTML = PAGE;
  const api = new FakeApi(ONE_PART);
  api.fragment = async () => {
    const error = errors.shift();
    if (error) throw error;
    return ROW;
  };
  const announcer = new Announcer(/** @type {HTMLElement} */ (document.getElementById("announcer")), () => {
    return { files: 0, stored: 0 };
  });
  const list = new FileList(api, announcer, {
    onSessionEnded: () => outcome.push("session ended"),
    onListFailed: () => outcome.push("list failed"),
    onDelete: () => {},
    onDeleted: () => {},
  });
  list.show("1", "a.txt");
  await until(() => document.querySelector("[data-file-row]") || outcome.length > 0);
  await until(() => {
    // After the failure the next file is fetched as usual.
    if (errors.length === 0) list.show("1", "a.txt");
    return document.querySelector("[data-file-row]");
  });
  return outcome;
}

const unavailable = () => new ApiError(503, "unavailable", "");

test("the list tries again after a failure", async () => {
  equal(await showAfter([unavailable(), unavailable()]), []);
});

test("the list reports three failures in a row", async () => {
  equal(await showAfter([unavailable(), unavailable(), unavailable()]), ["list failed"]);
});

test("the list reports the end of the session", async () => {
  equal(await showAfter([new ApiError(401, "session_ended", "")]), ["session ended"]);
});

test("an unexpected error in the list is reported, and does not stop it", async () => {
  equal(await showAfter([new TypeError("a bug")]), ["a bug"]);
});
