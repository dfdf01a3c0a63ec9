import { ChangesApi, FilesApi } from "../../../static/uploads/client/index.js";
import { Actions } from "../../../static/uploads/page/files/actions.js";
import { ArchiveDownload } from "../../../static/uploads/page/files/archive-download.js";
import { FolderTree } from "../../../static/uploads/page/files/changes/folder-tree.js";
import { ItemChanges } from "../../../static/uploads/page/files/changes/item-changes.js";
import { ROOT } from "../../../static/uploads/page/files/place.js";
import { FileStore } from "../../../static/uploads/page/files/store.js";
import { Announcer } from "../../../static/uploads/page/ui/announcer.js";
import { byId, find } from "../../../static/uploads/page/ui/elements.js";
import { Toast } from "../../../static/uploads/page/ui/toast.js";
import { hurry } from "../client/support.js";
import { FakeServer } from "./fake-server.js";

/** @import { Place } from "../../../static/uploads/page/files/types.js" */
/** @import { Fault } from "./fake-server.js" */

/** What templates/uploads/_action_dialogs.html has, without what scripts do not need. */
export const MARKUP = `
  <p id="announcer"></p>
  <div id="list" tabindex="-1"></div>
  <div id="toast" hidden><p data-field="text"></p><button data-undo hidden>Undo</button><button data-close>Close</button></div>
  <section id="archive-panel" hidden>
    <p data-field="title"></p><progress max="1"></progress><p data-field="detail"></p>
    <button data-save hidden>Save</button><button data-cancel>Cancel</button>
  </section>
  <section id="selection-bar" hidden>
    <button data-clear></button><p data-field="count"></p><button data-all></button>
    <button data-command="download"></button><button data-command="downloadZip"></button>
    <button data-command="move"></button><button data-command="restore"></button>
    <button data-command="trash"></button><button data-command="deletePermanently"></button>
  </section>
  <div id="item-menu" hidden></div>
  <dialog id="move-dialog">
    <h2 data-field="title"></h2><ul role="tree" aria-label="Folders"></ul>
    <form data-new-form hidden><label>In <bdi data-field="parent"></bdi><input></label><button>Create</button>
      <button type="button" data-new-cancel></button></form>
    <p data-field="problem" hidden></p>
    <button data-new></button><button data-cancel></button><button data-confirm></button>
    <template><svg></svg></template>
  </dialog>
  <dialog id="folder-dialog"><form><input><p data-field="problem"></p><button type="button" data-cancel></button><button>Create</button></form></dialog>`;

/** The sentence of the toast; empty if there is none. */
export function sentence() {
  const toast = byId("toast");
  return toast.hidden ? "" : find(toast, "[data-field=text]").textContent;
}

/** @param {string} id */
export function press(id) {
  find(byId("toast"), id).click();
}

export function makeToast() {
  document.body.innerHTML = MARKUP;
  const announcer = new Announcer(byId("announcer"), () => ({ files: 0, stored: 0 }));
  return new Toast(byId("toast"), announcer, () => byId("list").focus());
}

/**
 * The actions on a list of what a server has.
 * @param {FakeServer} server
 * @param {Partial<Place>} [where]
 * @param {{hasTrash?: boolean, confirms?: boolean}} [options]
 */
export async function makeActions(server, where = {}, { hasTrash = true, confirms = true } = {}) {
  const { api } = server;
  const files = new FilesApi(api);
  const toast = makeToast();
  const store = new FileStore(files, { ...ROOT, ...where });
  await store.reload();
  /** What the actions report to the page. @type {string[]} */
  const calls = [];
  const changesApi = new ChangesApi(api);
  const tree = new FolderTree(files);
  const onSessionEnded = () => calls.push("session ended");
  const archives = new ArchiveDownload({ api, tree, panel: byId("archive-panel"), toast, onSessionEnded });
  const actions = new Actions({
    api: changesApi,
    changes: new ItemChanges(changesApi, tree),
    store,
    toast,
    archives,
    hasTrash,
    confirmDelete: async () => confirms,
    confirmEmpty: async () => confirms,
    startDownload: async () => {},
    onSessionEnded,
    onUsageChanged: () => {},
    onForget: (id) => calls.push(id),
  });
  server.log.length = 0;
  /** @param {string[]} keys */
  const items = (...keys) => store.items.filter(({ key }) => keys.includes(key));
  const listed = () =>
    store.items
      .map(({ key }) => key)
      .sort()
      .join(" ");
  return { actions, store, calls, items, listed, tree, toast };
}

/** The folder of `makeServer`. */
export const FOLDER = "folder:Photos";

/** A server with three files in the root, and a folder with two and an empty one inside. */
export function makeServer() {
  // The toast must not disappear, and everything else must not wait.
  const { setTimeout } = globalThis;
  hurry();
  const atOnce = globalThis.setTimeout;
  globalThis.setTimeout = /** @type {any} */ (
    (/** @type {() => void} */ act, /** @type {number} */ wait) =>
      wait >= 10_000 ? setTimeout(act, wait) : atOnce(act, 0)
  );
  const server = new FakeServer();
  for (const id of ["a", "b", "c"]) server.store(id);
  server.store("p", { folder: "Photos" });
  server.store("q", { folder: "Photos/2024" });
  server.folders.add("Photos/Empty");
  return server;
}

/** @type {(path: string) => (server: FakeServer) => void} */
export function lose(path) {
  return (server) => {
    server.faults = [1, 2, 3].map(() => ({ path, fault: "lost" }));
  };
}

/** @type {(path: string, fault: Fault) => (server: FakeServer) => void} */
export function fault(path, what) {
  return (server) => {
    server.faults = [{ path, fault: what }];
  };
}
