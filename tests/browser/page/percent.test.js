import { Upload } from "../../../static/uploads/client/upload.js";
import { Uploader } from "../../../static/uploads/client/uploader.js";
import { Overall } from "../../../static/uploads/page/uploads/overall.js";
import { UploadGroups } from "../../../static/uploads/page/uploads/upload-groups.js";
import { UploadRow } from "../../../static/uploads/page/uploads/upload-row.js";
import { FakeApi, makeFile, ONE_PART } from "../client/support.js";
import { equal, test } from "../client/testing.js";

const ROW = `
  <li data-upload-row>
    <span class="tile"><svg><use href="icons.svg#state-queued"></use></svg></span>
    <p data-field="name"><span data-field="folder"></span><span data-field="file"></span></p>
    <progress max="100"></progress>
    <p data-status><strong data-field="state"></strong> <span data-field="percent"></span><span data-field="detail"></span></p>
    <button data-action="pause"><span class="label"></span></button><button data-action="resume"></button><button data-action="cancel"></button>
    <button data-action="retry"></button><button data-action="again"></button><button data-action="dismiss"></button>
  </li>`;

const ALL = `
  <h2 id="uploads-heading" tabindex="-1"></h2>
  <p><button id="show-failed"></button><span id="uploads-summary"></span></p>
  <button id="pause-all"></button><button id="resume-all"></button><button id="cancel-all"></button>
  <button id="retry-all"></button><button id="clear-finished"></button>
  <div id="overall">
    <p id="overall-percent"></p><progress id="overall-progress" max="100"></progress><p id="overall-detail"></p>
  </div>
  <dialog id="cancel-dialog"></dialog>`;

/** @param {string} selector */
function textOf(selector) {
  return document.querySelector(selector)?.textContent;
}

test("the percentage of a row changes with its bar", () => {
  const template = document.createElement("template");
  template.innerHTML = ROW;
  const upload = new Upload(makeFile("a.txt", "x".repeat(1000)));
  const nothing = () => {};
  const actions = {
    pause: nothing,
    resume: nothing,
    cancel: nothing,
    retry: nothing,
    again: nothing,
    dismiss: nothing,
  };
  const row = new UploadRow(template, upload, { maxSize: "", types: "" }, actions);
  document.body.append(row.element);
  equal(textOf("[data-status]"), "Waiting 1\u00a0kB");

  Object.assign(upload, { state: "uploading", sent: 250 });
  row.draw(0);
  equal(textOf("[data-status]"), "Uploading 25% · 250\u00a0bytes of 1\u00a0kB");
  upload.sent = 509;
  row.drawBar();
  equal(document.querySelector("progress")?.value, 50.9, "the bar");
  equal(textOf("[data-field=percent]"), "50% · ");

  upload.sent = 1000;
  row.draw(1);
  equal(textOf("[data-status]"), "Uploading 1\u00a0kB sent, waiting for storage");
});

test("the percentage of all uploads, and the title, change with the bar", () => {
  document.body.innerHTML = ALL;
  document.title = "Your files";
  const api = new FakeApi(ONE_PART);
  const uploader = new Uploader(api, { remember: false });
  const nothing = () => {};
  const callbacks = { onCancelAll: nothing, onClear: nothing, onShowFailed: nothing, onEnd: nothing };
  const overall = new Overall(uploader, new UploadGroups(), callbacks);
  const totals = { ...uploader.totals, files: 2, active: 2, bytes: 1000, sent: 100 };
  Object.defineProperty(uploader, "totals", { get: () => totals });
  overall.draw(0);
  equal([textOf("#overall-percent"), document.title], ["10%", "10% · Your files"]);

  totals.sent = 209;
  overall.drawBar(1);
  equal(document.querySelector("progress")?.value, 20.9, "the bar");
  equal([textOf("#overall-percent"), document.title], ["20%", "20% · Your files"]);
});
