import { Tracker } from "../../../static/uploads/client/progress/tracker.js";
import { Upload } from "../../../static/uploads/client/upload.js";
import { Overall } from "../../../static/uploads/page/uploads/overall.js";
import { UploadGroups } from "../../../static/uploads/page/uploads/upload-groups.js";
import { makeFile } from "../client/support.js";
import { equal, exhaustiveTest, ok, test } from "../client/testing.js";
import { ALL, makeRow } from "./upload-markup.js";

const PARTS = { id: "1", token: "t", partSize: 500, partCount: 2 };
const WHOLE = { id: "1", token: null };
/** What claims that a file has been sent. */
const CLAIMS = /100%|[Cc]omplete|[Cc]onfirm/;

/** @typedef {(upload: Upload, tracker: Tracker) => void} Step */

/** @type {Record<string, Step>} */
const STEPS = {
  hashing: (upload, tracker) => tracker.enter(upload, "hashing"),
  whole: (upload, tracker) => {
    upload.session = WHOLE;
    tracker.enter(upload, "uploading");
  },
  parts: (upload, tracker) => {
    upload.session = PARTS;
    tracker.enter(upload, "uploading");
  },
  half: (upload, tracker) => {
    upload.acknowledged = upload.session === PARTS ? 500 : 0;
    tracker.progress(upload, upload.size / 2);
  },
  // The network has all bytes; storage has not answered.
  "all handed over": (upload, tracker) => tracker.progress(upload, upload.size),
  "almost all": (upload, tracker) => tracker.progress(upload, upload.size - 1),
  "sent again": (upload, tracker) => tracker.setSent(upload, 0),
  "every part": (upload, tracker) => {
    upload.acknowledged = upload.size;
    tracker.progress(upload, upload.size);
  },
  "session over": (upload, tracker) => tracker.wait(upload, "signed_out"),
  retrying: (upload, tracker) => tracker.wait(upload, "retry"),
  offline: (upload, tracker) => tracker.wait(upload, "offline"),
  pausing: (upload, tracker) => tracker.enter(upload, "pausing"),
  paused: (upload, tracker) => tracker.enter(upload, "paused"),
  "queued again": (upload, tracker) => tracker.queueAgain(upload),
  cancelled: (upload, tracker) => tracker.enter(upload, "cancelled"),
  failed: (upload, tracker) => {
    Object.assign(upload, { problem: { code: "connection_lost" }, retryable: true });
    tracker.enter(upload, "failed");
  },
  refused: (upload, tracker) => {
    Object.assign(upload, { problem: { code: "too_large" }, retryable: false });
    tracker.enter(upload, "failed");
  },
  completing: (upload, tracker) => {
    tracker.enter(upload, "confirming");
    upload.completing = true;
  },
  arrived: (upload, tracker) => {
    upload.completing = false;
    tracker.setSent(upload, upload.size);
    tracker.enter(upload, "confirming");
  },
  stored: (upload, tracker) => {
    tracker.setSent(upload, upload.size);
    tracker.enter(upload, "stored");
  },
  rejected: (upload, tracker) => {
    tracker.setSent(upload, upload.size);
    tracker.enter(upload, "rejected");
  },
};

/**
 * @param {string} steps separated by commas
 * @param {Tracker} tracker
 * @param {number} [size] bytes
 */
function uploadAfter(steps, tracker, size = 1000) {
  const upload = new Upload(makeFile("a.txt", "x".repeat(size)));
  tracker.add(upload);
  for (const step of steps.split(", ").filter(Boolean)) STEPS[step](upload, tracker);
  return upload;
}

/** Files that storage does not have. */
const NOT_SENT = [
  "",
  "hashing",
  // The session is over before the request is signed, at the last part, and at the completion.
  "hashing, session over",
  "whole, all handed over, sent again, session over",
  "parts, half, session over",
  "parts, almost all, session over",
  "parts, every part, session over",
  "whole, half",
  "whole, almost all",
  "whole, all handed over",
  "whole, all handed over, retrying",
  "whole, all handed over, sent again, retrying",
  "whole, all handed over, offline",
  "whole, all handed over, pausing",
  "whole, all handed over, pausing, paused",
  "whole, all handed over, pausing, paused, queued again",
  "whole, all handed over, failed",
  "whole, all handed over, failed, queued again",
  "whole, all handed over, cancelled",
  "parts, half, paused",
  "parts, all handed over, pausing, paused",
  "parts, all handed over, paused, queued again",
  "parts, all handed over, failed",
  "parts, every part, paused",
  "refused",
  "cancelled",
];

test("a row claims that a file has been sent only if it has", () => {
  for (const size of [1000, 0]) {
    for (const steps of NOT_SENT) {
      const upload = uploadAfter(steps, new Tracker(() => {}), size);
      const row = makeRow(upload);
      const bar = row.element.querySelector("progress");
      const text = `${row.element.querySelector("[data-status]")?.textContent} ${bar?.getAttribute("aria-valuetext")}`;
      ok(!CLAIMS.test(text), `no claim after "${steps}" with ${size} bytes: ${text}`);
      ok(bar?.hidden || (bar?.value ?? 0) < 100, `a bar that is not full after "${steps}"`);
    }
  }
});

/**
 * @param {string[]} files the steps of each
 * @param {{online?: boolean, signedOut?: boolean, size?: number}} [more]
 */
function overallAfter(files, { online = true, signedOut = false, size = 1000 } = {}) {
  document.body.innerHTML = ALL;
  document.title = "Your files";
  const tracker = new Tracker(() => {});
  const groups = new UploadGroups();
  const uploads = files.map(() => uploadAfter("", tracker, size));
  /** @type {any} what Overall reads of an Uploader */
  const uploader = {
    get totals() {
      return { ...tracker.totals };
    },
    get busy() {
      return uploads.some((upload) => upload.busy);
    },
    rate: tracker.rate,
    size: uploads.length,
    online,
    signedOut,
  };
  const nothing = () => {};
  const overall = new Overall(uploader, groups, {
    onCancelAll: nothing,
    onClear: nothing,
    onShowFailed: nothing,
    onEnd: nothing,
  });
  overall.draw(0);
  for (const [index, steps] of files.entries()) {
    for (const step of steps.split(", ").filter(Boolean)) STEPS[step](uploads[index], tracker);
  }
  for (const upload of uploads) groups.update(upload);
  overall.draw(1);
  const part = /** @param {string} id */ (id) => document.getElementById(id)?.textContent ?? "";
  const bar = /** @type {HTMLProgressElement} */ (document.getElementById("overall-progress"));
  return {
    percent: part("overall-percent"),
    text: `${part("overall-percent")} ${part("overall-detail")} ${document.title}`,
    bar: bar.value,
  };
}

exhaustiveTest("all uploads together are complete only if storage has every file", () => {
  for (const size of [1000, 0]) {
    for (const steps of NOT_SENT.filter((entry) => !entry.endsWith("cancelled"))) {
      for (const other of ["stored", "parts, every part, arrived", "whole, half", "whole, half, failed", "rejected"]) {
        const { text, bar } = overallAfter([steps, other], { size });
        ok(!CLAIMS.test(text), `no claim after "${steps}" and "${other}" with ${size} bytes: ${text}`);
        ok(bar < 100, `a bar that is not full after "${steps}" and "${other}"`);
      }
    }
  }
});

/** @type {[files: string[], percent: string, what: string][]} */
const MIXES = [
  [["whole, half", "whole, half"], "50%", "two halves"],
  [["whole, almost all", "whole, almost all"], "99%", "rounded down"],
  [["whole, all handed over", "whole, all handed over"], "99%", "without an answer"],
  [["parts, every part, completing", "parts, every part, completing"], "99%", "while storage assembles the parts"],
  [["parts, every part, arrived", "stored"], "100%", "all have arrived"],
  [["stored", "stored"], "100%", "all are stored"],
  [["stored", "cancelled"], "100%", "the user does not want the other"],
  [["stored", "whole, half, cancelled"], "100%", "nor one that was half sent"],
  [["stored", "rejected"], "100%", "the other was sent, and rejected"],
  [["stored", "whole, half, failed", "whole, half"], "50%", "what failed counts as not sent"],
  [["stored", "parts, half, failed", "whole, half"], "66%", "apart from its parts in storage"],
  [["stored", "refused", "whole, half"], "75%", "what can never be sent does not count"],
  [["stored", "refused", "whole, half, session over"], "75%", "the session is over"],
  [["stored", "refused", "parts, every part, arrived"], "99%", "but is not forgotten"],
  [["stored", "refused"], "", "at the end there is nothing to wait for"],
  [["stored", "whole, half, failed"], "", "nor if one can be retried"],
];

test("the percentage of all uploads counts every file that the user wants", () => {
  for (const [files, percent, what] of MIXES) equal(overallAfter(files).percent, percent, what);
});

test("an upload that waits for a new sign-in says so although parts still arrive", () => {
  const upload = uploadAfter("parts, session over, half", new Tracker(() => {}));
  equal(upload.waiting, "signed_out");
  equal(uploadAfter("parts, retrying, half", new Tracker(() => {})).waiting, null);
});

test("all uploads together say what they wait for", () => {
  const files = ["parts, half, session over", "whole, half"];
  ok(overallAfter(files, { signedOut: true }).text.includes("Waiting until you sign in again"), "the session");
  ok(overallAfter(files, { online: false }).text.includes("Waiting for a connection"), "the connection");
});
