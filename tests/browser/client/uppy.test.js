import { aboutOf, contentOf, obstacleOf, pathOf } from "../../../static/uploads/client/uppy/files.js";
import { explain, textsIn } from "../../../static/uploads/client/uppy/texts.js";
import { Filehub } from "../../../static/uploads/client/uppy.js";
import { FakeApi, makeFile, ONE_PART, until } from "./support.js";
import { equal, ok, test } from "./testing.js";

/** @import { UppyFile } from "../../../static/uploads/client/uppy/files.js" */

/**
 * @param {Partial<UppyFile>} fields
 * @returns {UppyFile}
 */
function uppyFile(fields) {
  return { id: "1", name: "a.txt", data: makeFile("a.txt"), progress: {}, ...fields };
}

/** What the plugin uses of Uppy, without its interface. */
class FakeUppy {
  /** @type {Map<string, UppyFile>} */
  files = new Map();
  /** @type {[string, any][]} */
  events = [];
  /** @type {Map<string, (...details: any[]) => void>} */
  listeners = new Map();
  /** @type {{capabilities: object, plugins?: Record<string, object|undefined>}} */
  state = { capabilities: {} };
  /** @type {((ids: string[]) => Promise<void>)[]} */
  uploaders = [];

  getState = () => this.state;
  setState = (/** @type {object} */ change) => Object.assign(this.state, change);
  getFile = (/** @type {string} */ id) => this.files.get(id);
  emit = (/** @type {string} */ event, /** @type {any} */ _file, /** @type {any} */ detail) =>
    this.events.push([event, detail?.message ?? detail?.body?.id ?? null]);
  on = (/** @type {string} */ event, /** @type {() => void} */ listener) => this.listeners.set(event, listener);
  off = (/** @type {string} */ event) => this.listeners.delete(event);
  addUploader = (/** @type {(ids: string[]) => Promise<void>} */ upload) => this.uploaders.push(upload);
  removeUploader = () => this.uploaders.pop();
  info = () => {};

  /** @param {UppyFile} file */
  add(file) {
    this.files.set(file.id, file);
  }

  /** @returns {Promise<void>} */
  upload() {
    return this.uploaders[0]([...this.files.keys()]);
  }

  /** Without those about progress. */
  get outcomes() {
    return this.events.filter(([event]) => event === "upload-success" || event === "upload-error");
  }
}

/** @param {FakeApi} api */
function install(api) {
  const uppy = new FakeUppy();
  const plugin = new Filehub(uppy, { api, remember: false, language: "en" });
  plugin.install();
  return { uppy, plugin };
}

test("the path is the folder in which Uppy found a file, and its name", () => {
  /** @type {[Partial<UppyFile>, string][]} */
  const cases = [
    [{}, "a.txt"],
    [{ meta: { relativePath: null } }, "a.txt"],
    [{ meta: { relativePath: "" } }, "a.txt"],
    [{ meta: { relativePath: "a.txt" } }, "a.txt"],
    [{ meta: { relativePath: "Photos/a.txt" } }, "Photos/a.txt"],
    [{ meta: { relativePath: "/Photos/2026/a.txt" } }, "Photos/2026/a.txt"],
    [{ meta: { relativePath: "Photos/a.txt", name: "b.txt" } }, "Photos/b.txt"],
    [{ meta: { name: "" } }, "a.txt"],
    [{ meta: { name: 7, relativePath: 7 } }, "a.txt"],
  ];
  for (const [fields, path] of cases) equal(pathOf(uppyFile(fields)), path, JSON.stringify(fields));
});

test("a file has the type that Uppy has found out, and the same time on every visit", () => {
  const file = makeFile("a.md");
  equal(contentOf(uppyFile({ data: file, type: "" })), file);
  const typed = contentOf(uppyFile({ data: file, type: "text/markdown" }));
  equal([typed?.type, typed?.lastModified, typed?.size], ["text/markdown", 1, 1]);
  const photo = contentOf(uppyFile({ data: new Blob(["x"], { type: "image/png" }), name: "cam.png" }));
  equal([photo?.name, photo?.type, photo?.lastModified], ["cam.png", "image/png", 0]);
  equal(contentOf(uppyFile({ data: { size: null } })), null);
});

test("files without content cannot be sent", () => {
  equal(obstacleOf(uppyFile({})), null);
  equal(obstacleOf(uppyFile({ isRemote: true, data: { size: 5 } })), "remote");
  equal(obstacleOf(uppyFile({ isGhost: true, data: undefined })), "ghost");
  equal(obstacleOf(uppyFile({ isGhost: false, data: null })), "ghost");
});

test("every text is in English and German, and can be replaced", () => {
  const english = textsIn("en-GB");
  const german = textsIn("de-AT");
  for (const [code, text] of Object.entries(english)) ok(german[code] !== text, `a German text for ${code}`);
  equal(Object.keys(german).sort(), Object.keys(english).sort());
  equal(textsIn("den").ghost, english.ghost);
  equal(textsIn("", { ghost: "Again!" }).ghost, "Again!");
});

test("a problem is explained by the server's reason, by its code, or by the server's sentence", () => {
  const texts = textsIn("en");
  equal(explain({ code: "rejected", message: "Its content is a web page." }, texts), "Its content is a web page.");
  equal(explain({ code: "rejected" }, texts), texts.rejected);
  equal(explain({ code: "network", message: "x" }, texts), texts.network);
  equal(explain({ code: "new_code", message: "Something new." }, texts), "Something new.");
  equal(explain({ code: "toString" }, texts), texts.unexpected);
  equal(explain(null, texts), texts.unexpected);
});

test("files that cannot be sent, or fail at once, end what Uppy waits for", async () => {
  const { uppy } = install(new FakeApi(ONE_PART));
  const texts = textsIn("en");
  uppy.add(uppyFile({ meta: { name: "x".repeat(256) } }));
  uppy.add(uppyFile({ id: "2", isGhost: true, data: undefined }));
  uppy.add(uppyFile({ id: "3", isRemote: true }));
  uppy.add(uppyFile({ id: "4", progress: { uploadComplete: true } }));
  uppy.add(uppyFile({ id: "5", error: "failed before" }));
  await uppy.upload();
  equal(uppy.outcomes, [
    ["upload-error", texts.name_too_long],
    ["upload-error", texts.ghost],
    ["upload-error", texts.remote],
  ]);
});

test("a file that is removed is no longer waited for", async () => {
  const { uppy, plugin } = install(new FakeApi(ONE_PART));
  uppy.add(uppyFile({}));
  const done = uppy.upload();
  await until(() => plugin.uploader.size === 1);
  uppy.listeners.get("file-removed")?.(uppy.getFile("1"));
  await done;
  equal([plugin.uploader.size, uppy.outcomes], [0, []]);
});

test("an uninstalled plugin leaves nothing behind", async () => {
  const { uppy, plugin } = install(new FakeApi(ONE_PART));
  equal(uppy.state.capabilities, { resumableUploads: true });
  uppy.add(uppyFile({}));
  const done = uppy.upload();
  plugin.uninstall();
  await done;
  equal([uppy.uploaders.length, uppy.listeners.size, uppy.state.capabilities], [0, 0, { resumableUploads: false }]);
});

test("tags, context and destination come from the metadata, also as text", () => {
  /** @type {[UppyFile["meta"], object][]} */
  const cases = [
    [undefined, {}],
    [{ tags: "", context: null, destination: "" }, {}],
    [
      { tags: [], context: {} },
      { tags: [], context: {} },
    ],
    [
      { tags: "a, b,", context: '{"n": 1}', destination: "photos" },
      { tags: ["a", "b"], context: { n: 1 }, destination: "photos" },
    ],
    [
      { tags: ["a,b"], context: { n: 1 } },
      { tags: ["a,b"], context: { n: 1 } },
    ],
    [{ context: "{" }, { context: "{" }],
    [{ destination: 7 }, { destination: "7" }],
  ];
  for (const [meta, about] of cases)
    equal(JSON.stringify(aboutOf(uppyFile({ meta }))), JSON.stringify(about), JSON.stringify(meta));
});
