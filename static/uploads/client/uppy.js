import { Api, Uploader } from "./index.js";
import { aboutOf, contentOf, obstacleOf, pathOf } from "./uppy/files.js";
import { explain, textsIn } from "./uppy/texts.js";

/** @import { Site, Upload } from "./index.js" */
/** @import { UppyFile } from "./uppy/files.js" */

/**
 * What is used of Uppy, which the page brings along.
 * @typedef {object} Uppy
 * @property {(id: string) => UppyFile|undefined} getFile
 * @property {() => {capabilities: object, plugins?: Record<string, object|undefined>}} getState
 * @property {(state: object) => void} setState
 * @property {(event: any, ...details: any[]) => void} emit
 * @property {(event: any, listener: (...details: any[]) => void) => unknown} on
 * @property {(event: any, listener: (...details: any[]) => void) => unknown} off
 * @property {(upload: (ids: string[]) => Promise<void>) => void} addUploader
 * @property {(upload: (ids: string[]) => Promise<void>) => void} removeUploader
 * @property {(message: string, type?: "info"|"warning"|"error"|"success", duration?: number) => void} info
 */

/**
 * @typedef {object} Options see docs/uploader.md. Those of an Uploader are passed on.
 * @property {string} [id]
 * @property {string} [csrfToken]
 * @property {string} [user]
 * @property {Api} [api]
 * @property {Site} [site] where the API is, unless `api` says so
 * @property {string} [language]
 * @property {{strings?: Record<string, string>}} [locale]
 * @property {() => void} [onSessionEnd]
 */

/** @typedef {Options & ConstructorParameters<typeof Uploader>[1]} FilehubOptions */

/**
 * @typedef {object} Entry an upload of a file of Uppy
 * @property {string} id of Uppy's file
 * @property {Upload} upload
 * @property {unknown} data the content that Uppy had when it began
 * @property {() => void} end of what Uppy waits for
 */

/** Milliseconds between two reports of progress: each makes Uppy's Dashboard draw everything again. */
const REPORT = 200;
/** Milliseconds for which a message is shown. */
const SHOWN = 10_000;
/** The share of a file that counts as sent until the server has confirmed it. Uppy ignores progress after 100 %. */
const UNCONFIRMED = 0.99;

/** An uploader plugin for Uppy 5 and 6 on filehub's own client. docs/uploader.md describes it. */
export class Filehub {
  type = "uploader";
  /** By the id of Uppy's file. @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {Map<Upload, Entry>} */
  #byUpload = new Map();
  /** Uploads with progress to report. @type {Set<Upload>} */
  #moved = new Set();
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {[string, (...details: any[]) => void][]} */
  #listeners = [
    ["file-removed", (file) => this.#removed(file)],
    ["upload-pause", (file, isPaused) => this.#pause(file?.id, isPaused)],
    ["pause-all", () => this.#eachEntry(({ id }) => this.#pause(id, true))],
    ["resume-all", () => this.#eachEntry(({ id }) => this.#pause(id, false))],
  ];
  #texts;

  /**
   * @param {Uppy} uppy
   * @param {FilehubOptions} [options]
   */
  constructor(uppy, options = {}) {
    const { id = "Filehub", csrfToken = "", user, api, site, language, locale, onSessionEnd, ...rest } = options;
    this.uppy = uppy;
    this.opts = options;
    this.id = id;
    this.api = api ?? new Api(csrfToken, user, site);
    this.uploader = new Uploader(this.api, { namespace: user, ...rest });
    this.#texts = textsIn(language ?? document.documentElement.lang, locale?.strings);
    this.uploader.addEventListener("state", ({ detail }) => this.#stateChanged(detail));
    this.uploader.addEventListener("progress", ({ detail }) => this.#move(detail));
    this.uploader.addEventListener("sessionend", () => {
      uppy.info(this.#texts.session_ended, "error", SHOWN);
      onSessionEnd?.();
    });
  }

  /** Called by Uppy. */
  install() {
    this.#setResumable(true);
    for (const [event, listener] of this.#listeners) this.uppy.on(event, listener);
    this.uppy.addUploader(this.#upload);
  }

  /** Called by Uppy. What storage has stays there, so choosing the same files again resumes. */
  uninstall() {
    this.uppy.removeUploader(this.#upload);
    for (const [event, listener] of this.#listeners) this.uppy.off(event, listener);
    this.#setResumable(false);
    this.#eachEntry((entry) => entry.end());
    this.uploader.pauseAll();
    clearTimeout(this.#timer);
  }

  /**
   * Continues after the user has signed in again.
   * @param {string} csrfToken the new one
   */
  resumeSession(csrfToken) {
    this.api.useToken(csrfToken);
    this.uploader.tryNow();
  }

  // What Uppy expects of every plugin.

  update() {}

  afterUpdate() {}

  /** @param {object} [options] */
  setOptions(options) {
    this.opts = { ...this.opts, ...options };
  }

  getPluginState() {
    return this.uppy.getState().plugins?.[this.id] ?? {};
  }

  /** @param {object} [change] */
  setPluginState(change) {
    const { plugins } = this.uppy.getState();
    this.uppy.setState({ plugins: { ...plugins, [this.id]: { ...plugins?.[this.id], ...change } } });
  }

  // --- Uppy asks ----------------------------------------------------------------------------------

  /** @param {boolean} isResumable */
  #setResumable(isResumable) {
    const { capabilities } = this.uppy.getState();
    this.uppy.setState({ capabilities: { ...capabilities, resumableUploads: isResumable } });
  }

  /**
   * @param {string[]} ids
   * @returns {Promise<void>} when each of these files is stored, was rejected, has failed or was removed
   */
  #upload = async (ids) => {
    const files = ids
      .map((id) => this.uppy.getFile(id))
      .filter((file) => file !== undefined)
      .filter(({ error, progress }) => !error && !progress.uploadComplete);
    this.uppy.emit(
      "upload-start",
      // Golden Retriever has restored the progress of the others.
      files.filter(({ progress, isRestored }) => !progress.uploadStarted || !isRestored),
    );
    await Promise.all(files.map((file) => this.#send(file)));
  };

  /** @param {UppyFile} file */
  #send(file) {
    const obstacle = obstacleOf(file);
    if (obstacle) {
      this.#reportError(file.id, obstacle, this.#texts[obstacle]);
      return;
    }
    return new Promise((/** @type {(value: void) => void} */ resolve) => {
      const upload = this.#retried(file) ?? this.#added(file);
      const entry = { id: file.id, upload, data: file.data, end: () => resolve() };
      this.#entries.set(file.id, entry);
      this.#byUpload.set(upload, entry);
      // It may have failed at once.
      this.#stateChanged(upload);
      if (file.isPaused) this.uploader.pause(upload);
    });
  }

  /**
   * @param {UppyFile} file
   * @returns {Upload|undefined} the earlier attempt, which resumes, unless the user has edited the file since
   */
  #retried(file) {
    const entry = this.#entries.get(file.id);
    if (!entry) return undefined;
    const { upload, data } = entry;
    this.#forget(entry);
    const isSame = upload.path === pathOf(file) && JSON.stringify(upload.about) === JSON.stringify(aboutOf(file));
    if (data !== file.data || !isSame || !upload.canRetry) {
      this.uploader.remove(upload);
      return undefined;
    }
    this.uploader.retry(upload);
    return upload;
  }

  /** @param {UppyFile} file */
  #added(file) {
    const content = /** @type {File} */ (contentOf(file));
    const [upload] = this.uploader.add([{ ...aboutOf(file), file: content, path: pathOf(file) }]);
    return upload;
  }

  /**
   * @param {string|undefined} id
   * @param {boolean} isPaused
   */
  #pause(id, isPaused) {
    const entry = this.#entries.get(id ?? "");
    if (!entry) return;
    if (isPaused) this.uploader.pause(entry.upload);
    else this.uploader.resume(entry.upload);
  }

  /** @param {UppyFile} file */
  #removed(file) {
    const entry = this.#entries.get(file.id);
    if (entry) {
      this.uploader.cancel(entry.upload);
      entry.end();
      this.#forget(entry);
      this.uploader.remove(entry.upload);
    } else if (file.isGhost) {
      void this.#removeUnfinished(file);
    }
  }

  /**
   * Removes what storage has of a file that was not chosen again. If that fails, storage does it some days later.
   * @param {UppyFile} file
   */
  async #removeUnfinished(file) {
    const { unfinished } = this.uploader;
    await unfinished.refresh();
    const item = unfinished.items.find(({ path, size }) => path === pathOf(file) && size === file.size);
    if (item) await unfinished.remove(item).catch(() => {});
  }

  // --- The client reports -------------------------------------------------------------------------

  /** @param {Upload} upload */
  #stateChanged(upload) {
    const entry = this.#byUpload.get(upload);
    if (!entry) {
      // Its file was removed when it was too late to cancel.
      if (upload.state === "stored") this.uploader.remove(upload);
      return;
    }
    if (upload.state === "stored") {
      this.#succeed(entry);
    } else if (upload.state === "failed" || upload.state === "rejected") {
      this.#reportError(entry.id, upload.problem?.code ?? "unexpected", explain(upload.problem, this.#texts));
      // It stays in the list, so that it can resume.
      entry.end();
    } else if (upload.state === "paused" && !this.uppy.getFile(entry.id)?.isPaused) {
      // The user has resumed it before its last requests had ended.
      this.uploader.resume(upload);
    } else {
      this.#move(upload);
    }
  }

  /** @param {Entry} entry */
  #succeed(entry) {
    const { id, upload } = entry;
    const uploadURL = new URL(`${this.api.base}/files/${upload.id}/download?redirect=1`, location.href).href;
    const { name, folder, size, alreadyStored } = upload;
    this.uppy.emit("upload-success", this.uppy.getFile(id), {
      status: 200,
      body: { id: upload.id, name, folder, size, alreadyStored },
      uploadURL,
    });
    entry.end();
    this.#forget(entry);
    this.uploader.remove(upload);
  }

  /**
   * @param {string} id of Uppy's file
   * @param {string} code
   * @param {string} message
   */
  #reportError(id, code, message) {
    const error = Object.assign(new Error(message), { code });
    this.uppy.emit("upload-error", this.uppy.getFile(id), error);
  }

  /** @param {Upload} upload */
  #move(upload) {
    this.#moved.add(upload);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const moved of this.#moved) this.#reportProgress(moved);
      this.#moved.clear();
    }, REPORT);
  }

  /** @param {Upload} upload */
  #reportProgress(upload) {
    const entry = this.#byUpload.get(upload);
    const file = entry && this.uppy.getFile(entry.id);
    if (!file || upload.finished) return;
    this.uppy.emit("upload-progress", file, {
      uploadStarted: file.progress.uploadStarted ?? Date.now(),
      bytesUploaded: Math.min(upload.sent, Math.floor(upload.size * UNCONFIRMED)),
      bytesTotal: upload.size,
    });
  }

  // --- Entries ------------------------------------------------------------------------------------

  /** @param {(entry: Entry) => void} act */
  #eachEntry(act) {
    for (const entry of [...this.#entries.values()]) act(entry);
  }

  /** @param {Entry} entry */
  #forget(entry) {
    this.#entries.delete(entry.id);
    this.#byUpload.delete(entry.upload);
    this.#moved.delete(entry.upload);
  }
}
