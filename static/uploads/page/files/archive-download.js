import { ApiError, isSignedOut, persistently } from "../../client/index.js";
import { actionMessages } from "../text/action-messages.js";
import { find } from "../ui/elements.js";
import { setText } from "../ui/rendering.js";
import { nameOf } from "./types.js";

/** @import { Api } from "../../client/index.js" */
/** @import { Member } from "../../client/zip/index.js" */
/** @import { Toast } from "../ui/toast.js" */
/** @import { FolderTree } from "./changes/folder-tree.js" */
/** @import { Item, ListedFile, Place } from "./types.js" */

/** @typedef {{path: string, file: ListedFile}} Chosen a file and its path in the archive */
/** @typedef {typeof import("../../client/zip/index.js")} Zip loaded only when somebody asks for an archive */

const texts = actionMessages.archive;

/**
 * Downloads files and folders as one ZIP archive, which the browser makes. A panel shows the progress, and the user can
 * go on working meanwhile. One archive is made at a time.
 */
export class ArchiveDownload {
  /** @type {AbortController|null} */
  #controller = null;
  #save = () => {};
  #api;
  #tree;
  #panel;
  #toast;
  #onSessionEnded;

  /**
   * @param {object} parts
   * @param {Api} parts.api
   * @param {FolderTree} parts.tree
   * @param {HTMLElement} parts.panel as in templates/uploads/_action_dialogs.html
   * @param {Toast} parts.toast
   * @param {() => void} parts.onSessionEnded
   */
  constructor({ api, tree, panel, toast, onSessionEnded }) {
    this.#api = api;
    this.#tree = tree;
    this.#panel = panel;
    this.#toast = toast;
    this.#onSessionEnded = onSessionEnded;
    find(panel, "[data-cancel]").addEventListener("click", () => this.#controller?.abort());
    find(panel, "[data-save]").addEventListener("click", () => this.#save());
  }

  /** Whether an archive is being made. */
  get busy() {
    return this.#controller !== null;
  }

  /**
   * Call it in the handler of a click, because browsers that can write to a file ask where.
   * @param {Item[]} items files, and folders with everything inside them
   * @param {Place} place in which they are
   */
  async start(items, place) {
    if (this.busy) return this.#toast.show(texts.busy, { isError: true });
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    try {
      await this.#make(items, place, signal);
    } catch (error) {
      if (signal.aborted) this.#toast.show(texts.cancelled);
      else await this.#failed(error);
    } finally {
      this.#controller = null;
      this.#panel.hidden = true;
    }
  }

  /**
   * @param {Item[]} items
   * @param {Place} place
   * @param {AbortSignal} signal
   */
  async #make(items, place, signal) {
    const loading = import("../../client/zip/index.js");
    const files = await this.#collect(items, signal);
    if (files.length === 0) return this.#toast.show(texts.empty);
    const zip = await loading;
    const [name] = zip.archivePaths([`${titleOf(items, place)}.zip`]);
    const size = files.reduce((sum, { file }) => sum + file.size, 0);
    if (needsClick()) await this.#ready(name, files.length, size, signal);
    this.#show(texts.making(name));
    const members = files.map((chosen) => this.#member(chosen, zip));
    const isSaved = await zip.saveZip(name, members, {
      signal,
      onProgress: (written, total) => this.#progress(written, total),
    });
    if (isSaved) this.#toast.show(texts.saved(name));
  }

  /**
   * @param {Item[]} items
   * @param {AbortSignal} signal
   * @returns {Promise<Chosen[]>}
   */
  async #collect(items, signal) {
    /** @type {Chosen[]} */
    const chosen = [];
    for (const item of items) {
      if (item.kind === "file") {
        chosen.push({ path: item.file.file_name.replaceAll("/", "_"), file: item.file });
        continue;
      }
      const onFiles = (/** @type {number} */ count) => this.#show(texts.collecting(chosen.length + count));
      const { files } = await persistently(() => this.#tree.everything(item.folder, { signal, onFiles }));
      for (const file of files) chosen.push({ path: pathIn(item.folder, file), file });
    }
    return chosen;
  }

  /**
   * @param {Chosen} chosen
   * @param {Zip} zip
   * @returns {Member}
   */
  #member({ path, file }, { download }) {
    const open = download(async () => (await this.#api.download(file.id)).url);
    return {
      path,
      size: file.size,
      modified: new Date(file.created_at),
      // Until the first byte has come, another attempt does no harm.
      open: (signal) => persistently(() => open(signal).catch(asApiError)),
    };
  }

  /**
   * Waits for a click: collecting the files took so long that the browser has forgotten the first one.
   * @param {string} name
   * @param {number} count
   * @param {number} size bytes
   * @param {AbortSignal} signal
   * @returns {Promise<void>} rejects with the signal's reason
   */
  #ready(name, count, size, signal) {
    this.#show(texts.ready(name, count, size));
    const button = find(this.#panel, "[data-save]");
    button.hidden = false;
    if (document.activeElement === document.body || document.activeElement === null) button.focus();
    return new Promise((resolve, reject) => {
      this.#save = resolve;
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  /** @param {string} sentence */
  #show(sentence) {
    this.#panel.hidden = false;
    find(this.#panel, "[data-save]").hidden = true;
    setText(find(this.#panel, "[data-field=title]"), sentence);
    setText(find(this.#panel, "[data-field=detail]"), "");
    find(this.#panel, "progress", HTMLProgressElement).removeAttribute("value");
  }

  /**
   * @param {number} written
   * @param {number} total
   */
  #progress(written, total) {
    setText(find(this.#panel, "[data-field=detail]"), texts.progress(written, total));
    find(this.#panel, "progress", HTMLProgressElement).value = total > 0 ? written / total : 1;
  }

  /** @param {unknown} error */
  async #failed(error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (isSignedOut(error) || isSignedOut(cause)) this.#onSessionEnded();
    if (error instanceof ApiError) return this.#toast.show(texts.notCollected(error), { isError: true });
    const path = error instanceof Error && "path" in error ? String(error.path) : "";
    if (path && cause instanceof ApiError && cause.status === 404) {
      return this.#toast.show(texts.gone(path), { isError: true });
    }
    const { explainArchive } = await import("../text/archives.js");
    this.#toast.show(explainArchive(error), { isError: true });
    // Without a code it is a fault of the program, which the console should have.
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}

/**
 * @param {string} folder that was chosen
 * @param {ListedFile} file in it, or in a folder inside
 * @returns {string} the path in the archive: "Photos/2024/a.jpg"
 */
function pathIn(folder, file) {
  const parent = folder.slice(0, folder.lastIndexOf("/") + 1);
  // Slashes in the name of a file are not folders.
  return `${file.folder.slice(parent.length)}/${file.file_name.replaceAll("/", "_")}`;
}

/**
 * @param {Item[]} items
 * @param {Place} place
 */
function titleOf(items, place) {
  if (items.length === 1) return nameOf(items[0]);
  return place.folder.slice(place.folder.lastIndexOf("/") + 1) || "filehub";
}

/** @returns {boolean} whether the browser asks where to save, and only after a click that is not too long ago */
function needsClick() {
  return "showSaveFilePicker" in globalThis && navigator.userActivation?.isActive === false;
}

/**
 * A connection that fails is a TypeError of fetch.
 * @param {unknown} error
 * @returns {never}
 */
function asApiError(error) {
  throw error instanceof TypeError ? new ApiError(0, "network", "") : error;
}
