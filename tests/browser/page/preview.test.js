import { ApiError } from "../../../static/uploads/client/index.js";
import { Loader } from "../../../static/uploads/page/files/preview/loader.js";
import { Preview } from "../../../static/uploads/page/files/preview/preview.js";
import { PreviewProblem } from "../../../static/uploads/page/files/preview/problem.js";
import { Stage } from "../../../static/uploads/page/files/preview/stage.js";
import { byId, find } from "../../../static/uploads/page/ui/elements.js";
import { equal, ok, test } from "../client/testing.js";
import { DIALOG, STAGE } from "./preview-markup.js";

/** @import { PreviewSource } from "../../../static/uploads/client/index.js" */
/** @import { View } from "../../../static/uploads/page/files/preview/views.js" */
/** @import { FileItem, ListedFile } from "../../../static/uploads/page/files/types.js" */

/** @returns {Promise<string>} the address of an image of 40 × 20 pixels */
async function imageUrl() {
  const canvas = new OffscreenCanvas(40, 20);
  canvas.getContext("2d")?.fillRect(0, 0, 40, 20);
  return URL.createObjectURL(await canvas.convertToBlob());
}

/** @param {string|number} id @param {Partial<ListedFile>} [more] @returns {FileItem} */
function item(id, more = {}) {
  const file = {
    id: String(id),
    file_name: `${id}.png`,
    folder: "",
    content_type: "image/png",
    kind: "image",
    type_name: "Image",
    size: 100,
    checksum: "",
    created_at: "2026-01-01T12:00:00Z",
    confirmed_at: null,
    ...more,
  };
  return { kind: "file", key: file.id, file };
}

class FakeApi {
  /** @type {string[]} */
  asked = [];
  /** @type {Partial<PreviewSource>} */
  answer;
  /** @type {unknown} */
  failure = null;

  /** @param {Partial<PreviewSource>} answer */
  constructor(answer) {
    this.answer = answer;
  }

  /** @param {string} id @returns {Promise<PreviewSource>} */
  async preview(id) {
    this.asked.push(id);
    if (this.failure) throw this.failure;
    const nothing = { kind: null, reason: null, url: null, expires_at: null, charset: null, max_bytes: null };
    return { ...nothing, ...this.answer };
  }
}

/** @param {() => unknown} condition */
async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** @param {string} key */
function press(key) {
  const target = document.activeElement ?? document.body;
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}

/** @param {FakeApi} api */
function dialogWith(api) {
  document.body.innerHTML = DIALOG;
  const dialog = find(document, "dialog", HTMLDialogElement);
  /** @type {string[]} */
  const log = [];
  const preview = new Preview(dialog, { api, onSessionEnded: () => log.push("session ended") });
  byId("opener").focus();
  return { dialog, preview, log, heading: find(dialog, "h2") };
}

test("files beside the shown one are loaded ahead, after it and once", async () => {
  const api = new FakeApi({ kind: "image", url: await imageUrl() });
  const { preview, dialog } = dialogWith(api);
  preview.open(
    [1, 2, 3, 4].map((id) => item(id)),
    1,
    { onDownload() {} },
  );
  await until(() => api.asked.length === 3);
  equal(api.asked, ["2", "3", "1"]);
  await until(() => dialog.querySelector("img")?.alt === "2.png");
  press("ArrowRight");
  await until(() => dialog.querySelector("img")?.alt === "3.png" && api.asked.length === 4);
  equal(api.asked, ["2", "3", "1", "4"]);
});

test("while an arrow key is held, only the file at which it stops is loaded", async () => {
  const api = new FakeApi({ kind: "image", url: await imageUrl() });
  const { preview, heading } = dialogWith(api);
  preview.open(
    Array.from({ length: 50 }, (_, id) => item(id)),
    0,
    { onDownload() {} },
  );
  for (let i = 0; i < 40; i += 1) press("ArrowRight");
  equal(heading.textContent, "40.png");
  await until(() => api.asked.includes("41") && api.asked.includes("39"));
  ok(api.asked.length < 10, `few requests: ${api.asked}`);
});

test("folders are skipped, and the ends of the list stop", async () => {
  const { preview, heading, dialog } = dialogWith(new FakeApi({ reason: "type" }));
  /** @type {import("../../../static/uploads/page/files/types.js").FolderItem} */
  const folder = { kind: "folder", key: "folder:a", folder: "a", name: "a", files: 0, bytes: 0 };
  preview.open([folder, item(1), folder, item(2)], 1, { onDownload() {} });
  const shown = () => [heading.textContent, find(dialog, "[data-field=position]").textContent];
  const ends = () => ["previous", "next"].map((name) => find(dialog, `[data-action=${name}]`).ariaDisabled);
  equal([...shown(), ...ends()], ["1.png", "1 of 2", "true", "false"]);
  press("ArrowLeft");
  equal(shown(), ["1.png", "1 of 2"]);
  press("ArrowDown");
  equal([...shown(), ...ends()], ["2.png", "2 of 2", "false", "true"]);
  press("ArrowRight");
  equal(shown(), ["2.png", "2 of 2"]);
  press("ArrowUp");
  equal(shown(), ["1.png", "1 of 2"]);
});

test("more files are loaded before the last one is reached", async () => {
  const { preview, heading, dialog } = dialogWith(new FakeApi({ reason: "type" }));
  const all = Array.from({ length: 20 }, (_, id) => item(id));
  const pages = [all, null];
  let asked = 0;
  const more = async () => pages[asked++] ?? null;
  preview.open(all.slice(0, 10), 0, { onDownload() {}, more });
  const position = find(dialog, "[data-field=position]");
  equal([asked, position.textContent], [0, "1"]);
  for (let i = 0; i < 9; i += 1) press("ArrowRight");
  await until(() => asked === 1);
  press("ArrowRight");
  equal(heading.textContent, "10.png");
  for (let i = 0; i < 9; i += 1) press("ArrowRight");
  await until(() => asked === 2);
  await until(() => position.textContent === "20 of 20");
});

test("a sentence about a download stays until another file is shown", () => {
  const { preview, dialog } = dialogWith(new FakeApi({ reason: "type" }));
  preview.open([item(1), item(2)], 0, { onDownload: () => preview.notify("There is no connection.") });
  const notice = find(dialog, "[data-field=notice]");
  equal([notice.hidden, notice.textContent], [true, ""]);
  find(dialog, "[data-action=download]").click();
  equal([notice.hidden, notice.textContent], [false, "There is no connection."]);
  press("ArrowRight");
  equal([notice.hidden, notice.textContent], [true, ""]);
});

test("a space closes, the last file is named, and the focus returns", async () => {
  const { preview, dialog } = dialogWith(new FakeApi({ reason: "type" }));
  /** @type {string[]} */
  const closed = [];
  preview.open([item(1), item(2)], 0, {
    onDownload() {},
    onClose: ({ key }) => closed.push(`${key} ${document.activeElement?.id}`),
  });
  press("ArrowRight");
  press(" ");
  await until(() => closed.length > 0);
  equal([dialog.open, ...closed], [false, "2 opener"]);
});

test("the focus stays in the dialog when what had it is replaced", async () => {
  const api = new FakeApi({ kind: "text", url: import.meta.url, max_bytes: 1000 });
  const { preview, dialog, heading } = dialogWith(api);
  preview.open([item(1), item(2)], 0, { onDownload() {} });
  await until(() => dialog.querySelector("pre"));
  find(dialog, "[tabindex='0']").focus();
  press("ArrowRight");
  equal(document.activeElement, heading);
});

test("a file that is not stored is described, but not requested", async () => {
  const api = new FakeApi({ reason: "type" });
  const { preview, dialog } = dialogWith(api);
  preview.open([item(1, { state: "trashed" }), item(2, { state: "rejected" })], 0, { onDownload() {} });
  await until(() => !find(dialog, "[data-field=message]").hidden);
  equal(find(dialog, "[data-field=text]").textContent, "Restore this file to see its content.");
  press("ArrowRight");
  await until(() => find(dialog, "[data-field=text]").textContent?.includes("rejected"));
  equal([api.asked, find(dialog, "[data-action=download]").hidden], [[], true]);
});

test("a failure of the server is explained, and trying again requests another address", async () => {
  const api = new FakeApi({ kind: "image", url: await imageUrl() });
  const { preview, dialog, log } = dialogWith(api);
  api.failure = new ApiError(401, "session_ended", "");
  preview.open([item(1)], 0, { onDownload() {} });
  await until(() => !find(dialog, "[data-field=message]").hidden);
  equal(log, ["session ended"]);
  ok(find(dialog, "[data-field=announcement]").textContent?.includes("Sign in again"), "it is announced");
  api.failure = null;
  find(dialog, "[data-retry]").click();
  await until(() => dialog.querySelector("img"));
  equal([api.asked, log], [["1", "1"], ["session ended"]]);
});

test("an address is used again while it is fresh, and no failure is kept", async () => {
  const api = new FakeApi({ reason: "type" });
  const loader = new Loader(api);
  const { file } = item(1);
  const load = () => loader.load(file).catch((error) => error.code);
  equal([await load(), await load(), api.asked.length], ["type", "type", 1]);
  const { now } = performance;
  performance.now = () => now.call(performance) + 31_000;
  equal([await load(), api.asked.length], ["type", 2]);
  loader.drop("1");
  api.failure = new ApiError(503, "unavailable", "");
  await loader.prepare(file);
  api.failure = null;
  equal([await load(), api.asked.length], ["type", 4]);
});

test("what is no longer beside the shown file stops loading", async () => {
  const api = new FakeApi({ kind: "text", url: "/never", max_bytes: 10 });
  /** @type {string[]} */
  const stopped = [];
  globalThis.fetch = (url, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener("abort", () => {
        stopped.push(String(url));
        reject(new TypeError("aborted"));
      });
    });
  const loader = new Loader(api);
  const loading = loader.load(item(1).file).catch((error) => error.name);
  await until(() => api.asked.length === 1);
  await new Promise((resolve) => setTimeout(resolve));
  loader.keep(["2"]);
  equal([await loading, stopped], ["AbortError", ["/never"]]);
});

/** @param {string} name @returns {View} */
function view(name) {
  const element = document.createElement("p");
  element.textContent = name;
  return { kind: "text", element };
}

/** @param {string[]} log @returns {{stage: Stage, parts: () => string}} */
function stageWith(log) {
  document.body.innerHTML = STAGE;
  const stage = new Stage(find(document, "[data-stage]"), {
    onRetry: () => log.push("retry"),
    onDownload: () => log.push("download"),
    onShown: (shown, sentence) => log.push(shown?.element.textContent ?? sentence),
  });
  const visible = (/** @type {string} */ name) => !find(document, `[data-field=${name}]`).hidden;
  return { stage, parts: () => ["content", "loading", "message"].filter(visible).join(" ") };
}

test("the last file stays until the next one is there, or until that takes long", async () => {
  /** @type {string[]} */
  const log = [];
  const { stage, parts } = stageWith(log);
  await stage.show(Promise.resolve(view("first")));
  equal(parts(), "content");
  /** @type {(view: View) => void} */
  let arrive = () => {};
  const { setTimeout } = globalThis;
  /** @type {{delay?: number, ring?: () => void}} */
  const timer = {};
  Object.assign(globalThis, {
    setTimeout: (/** @type {() => void} */ ring, /** @type {number} */ delay) => Object.assign(timer, { ring, delay }),
  });
  const shown = stage.show(new Promise((resolve) => (arrive = resolve)));
  Object.assign(globalThis, { setTimeout });
  ok((timer.delay ?? 0) >= 200, `time for the next file: ${timer.delay} ms`);
  equal([parts(), find(document, "[data-field=content]").textContent], ["content", "first"]);
  timer.ring?.();
  equal(parts(), "loading");
  equal(find(document, "[data-field=content]").textContent, "");
  arrive(view("second"));
  await shown;
  equal([parts(), ...log], ["content", "first", "second"]);
});

test("what arrives late is not shown", async () => {
  /** @type {string[]} */
  const log = [];
  const { stage, parts } = stageWith(log);
  /** @type {((view: View) => void)[]} */
  const arrive = [];
  const late = stage.show(new Promise((resolve) => arrive.push(resolve)));
  await stage.show(Promise.resolve(view("second")));
  arrive[0](view("first"));
  await late;
  equal([parts(), find(document, "[data-field=content]").textContent, ...log], ["content", "second", "second"]);
  stage.clear();
  equal(parts(), "");
});

/** @type {[code: import("../../../static/uploads/page/files/preview/problem.js").PreviewCode, retry: boolean, download: boolean][]} */
const problems = [
  ["type", false, true],
  ["too_large", false, true],
  ["empty", false, false],
  ["trashed", false, false],
  ["rejected", false, false],
  ["gone", true, false],
  ["expired", true, false],
  ["unreachable", true, false],
  ["broken", true, true],
];

test("each problem has a sentence, and offers what can help", async () => {
  const sentences = new Set();
  for (const [code, retry, download] of problems) {
    const { stage, parts } = stageWith([]);
    await stage.show(Promise.reject(new PreviewProblem(code)), "archive");
    equal(parts(), "message", code);
    equal(!find(document, "[data-retry]").hidden, retry, `${code}: retry`);
    equal(!find(document, "[data-download]").hidden, download, `${code}: download`);
    equal(find(document, "use", SVGUseElement).href.baseVal, "#kind-archive", code);
    sentences.add(find(document, "[data-field=text]").textContent);
  }
  equal(sentences.size, problems.length, "different sentences");
});
