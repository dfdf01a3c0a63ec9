import { Upload } from "../../../static/uploads/client/upload.js";
import { Uploader } from "../../../static/uploads/client/uploader.js";
import { Overall } from "../../../static/uploads/page/uploads/overall.js";
import { UploadGroups } from "../../../static/uploads/page/uploads/upload-groups.js";
import { FakeApi, makeFile, ONE_PART } from "../client/support.js";
import { equal, test } from "../client/testing.js";
import { ALL, makeRow } from "./upload-markup.js";

/** @param {string} selector */
function textOf(selector) {
  return document.querySelector(selector)?.textContent;
}

test("the percentage of a row changes with its bar", () => {
  const upload = new Upload(makeFile("a.txt", "x".repeat(1000)));
  const row = makeRow(upload);
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
  equal(textOf("[data-status]"), "Uploading 1\u00a0kB, waiting for storage to respond");
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
