import { ApiError } from "../../../static/uploads/client/errors.js";
import { Api } from "../../../static/uploads/client/net/api.js";
import { FilesApi } from "../../../static/uploads/client/net/files-api.js";
import { Live } from "../../../static/uploads/page/files/live.js";
import { until } from "../client/support.js";
import { equal, test } from "../client/testing.js";

/** Records the waits of timers, which then only fire when a test says so. */
function holdTimers() {
  /** @type {{act: () => void, wait: number}[]} */
  const timers = [];
  globalThis.setTimeout = /** @type {any} */ (
    /** @param {() => void} act @param {number} wait */ (act, wait) => timers.push({ act, wait })
  );
  return timers;
}

/** @param {string} state */
function setVisibility(state) {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

/** @param {(boolean|Error)[]} answers */
function startLive(answers) {
  /** @type {string[]} */
  const happened = [];
  let asked = 0;
  const files = {
    hasChanged: async () => {
      const answer = answers[asked] ?? false;
      asked += 1;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const callbacks = { onChange: () => happened.push("change"), onSessionEnded: () => happened.push("session ended") };
  new Live(/** @type {any} */ (files), callbacks);
  return { happened, asked: () => asked };
}

test("a change is noticed within seconds, and the pauses grow while the server does not answer", async () => {
  const timers = holdTimers();
  const unavailable = new ApiError(503, "unavailable", "");
  const { happened } = startLive([false, true, ...Array(6).fill(unavailable), true, false]);
  /** @type {number[]} */
  const waits = [];
  for (let count = 1; count <= 10; count += 1) {
    await untilDrawn(() => timers.length >= count);
    const { act, wait } = timers[count - 1];
    waits.push(wait);
    act();
  }
  equal(waits, [3000, 3000, 6000, 12_000, 24_000, 48_000, 60_000, 60_000, 3000, 3000]);
  equal(happened, ["change", "change", "change"]);
});

test("the list is read again after the page was opened and after each change, because it may have been older", async () => {
  const timers = holdTimers();
  const { happened } = startLive([false, false, false, true, false, false]);
  /** @type {number[]} */
  const counts = [];
  for (let count = 1; count <= 6; count += 1) {
    await untilDrawn(() => timers.length >= count);
    counts.push(happened.length);
    timers[count - 1].act();
  }
  equal(counts, [0, 1, 1, 2, 3, 3]);
});

test("a hidden page asks rarely, and at once when it is visible again", async () => {
  const timers = holdTimers();
  const live = startLive([]);
  await untilDrawn(() => timers.length === 1);
  setVisibility("hidden");
  equal(timers.at(-1)?.wait, 60_000);
  equal(live.asked(), 1);
  setVisibility("visible");
  await untilDrawn(() => live.asked() === 2 && timers.length === 3);
  equal(timers.at(-1)?.wait, 3000);
});

test("the end of the session is reported", async () => {
  const { happened } = startLive([new ApiError(401, "not_authenticated", "")]);
  await until(() => happened.length > 0);
  equal(happened, ["session ended"]);
});

test("the version is asked for with the last one, and only a different one is a change", async () => {
  const api = new Api("csrf-token");
  /** @type {(string|undefined)[]} */
  const sent = [];
  const answers = ['"1"', null, '"2"', '"2"', '"1"'];
  api.request = async (_method, _url, _content, options) => {
    sent.push(options?.headers?.["If-None-Match"]);
    const etag = answers[sent.length - 1];
    return { status: etag ? 200 : 304, headers: new Headers(etag ? { ETag: etag } : {}), body: null };
  };
  const files = new FilesApi(api);
  const changes = [];
  for (const _ of answers) changes.push(await files.hasChanged());
  equal(changes, [false, false, true, false, true]);
  equal(sent, [undefined, '"1"', '"1"', '"2"', '"2"']);
});

/** @type {[query: object, cursor: string|null, url: string][]} */
const REQUESTS = [
  [{}, null, "/folders?folder=&sort=-date&limit=200"],
  [{ folder: "a/b" }, "c", "/folders?folder=a%2Fb&sort=-date&limit=200&cursor=c"],
  [{ sort: "name", type: "pdf" }, null, "/folders?folder=&sort=name&limit=200&type=pdf"],
  [{ q: " a" }, null, "/files?state=stored&q=+a&limit=200"],
  [{ q: "a", folder: "b", type: "pdf" }, null, "/files?state=stored&folder=b&q=a&limit=200&type=pdf"],
  [{ state: "trashed" }, "c", "/files?state=trashed&limit=200&cursor=c"],
  [{ state: "rejected", q: "a" }, null, "/files?state=rejected&q=a&limit=200"],
];

test("each kind of list is read by the call that has it", async () => {
  const api = new Api("csrf-token");
  let called = "";
  api.request = async (_method, url) => {
    called = url;
    const headers = new Headers({ Link: '<http://x/files?q=a&cursor=next>; rel="next"', "X-Filehub-Examined": "7" });
    const isFolder = url.startsWith("/folders");
    const body = isFolder ? { folder: {}, folders: [], files: [], next_cursor: "next" } : [];
    return { status: 200, headers, body };
  };
  const usual = { state: /** @type {const} */ ("stored"), folder: "", q: "", sort: "-date", type: "" };
  for (const [query, cursor, url] of REQUESTS) {
    const page = await new FilesApi(api).list({ ...usual, ...query }, { cursor, limit: 200 });
    equal([called, page.next_cursor, page.examined], [url, "next", url.startsWith("/files") ? 7 : null]);
  }
});

/** Waits without timers. @param {() => boolean} condition */
async function untilDrawn(condition) {
  while (!condition()) await new Promise((resolve) => requestAnimationFrame(resolve));
}
