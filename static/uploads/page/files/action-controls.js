import { ChangesApi } from "../../client/index.js";
import { actionMessages } from "../text/action-messages.js";
import { bytes } from "../text/format.js";
import { listMessages } from "../text/list-messages.js";
import { displayName } from "../text/names.js";
import { confirmWith } from "../ui/confirm-dialog.js";
import { byId, find } from "../ui/elements.js";
import { Toast } from "../ui/toast.js";
import { Actions } from "./actions.js";
import { ArchiveDownload } from "./archive-download.js";
import { FolderTree } from "./changes/folder-tree.js";
import { ItemChanges } from "./changes/item-changes.js";
import { Commands } from "./commands.js";
import { load } from "./downloads.js";
import { DragMove } from "./drag-move.js";
import { FolderDialog } from "./folder-dialog.js";
import { ItemMenu } from "./item-menu.js";
import { MoveDialog } from "./move-dialog.js";
import { isFolder, ROOT } from "./place.js";
import { RenameField } from "./rename-field.js";
import { Selection } from "./selection.js";
import { SelectionBar } from "./selection-bar.js";
import { nameOf } from "./types.js";

/** @import { Api, FilesApi } from "../../client/index.js" */
/** @import { Announcer } from "../ui/announcer.js" */
/** @import { Handlers } from "./list-controls.js" */
/** @import { ListView } from "./list-view.js" */
/** @import { FileStore } from "./store.js" */
/** @import { Item } from "./types.js" */

/**
 * What the list and the page do.
 * @typedef {object} Parts
 * @property {Api} api
 * @property {FilesApi} files
 * @property {FileStore} store
 * @property {Announcer} announcer
 * @property {() => ListView} view
 * @property {(item: Item) => void} preview
 * @property {(item: Item) => void} details
 * @property {() => void} onSessionEnded
 * @property {() => void} onUsageChanged
 * @property {(id: string) => void} onForget
 */

/**
 * Creates everything that changes files, and connects it with the elements of templates/uploads/_action_dialogs.html.
 * @param {Parts} parts
 */
export function connectActions(parts) {
  const { api, store, announcer, onSessionEnded } = parts;
  const selection = new Selection();
  const focusList = () => parts.view().focusCurrent();
  const tree = new FolderTree(parts.files);
  const toast = new Toast(byId("toast"), announcer, focusList);
  const archives = new ArchiveDownload({ api, tree, panel: byId("archive-panel"), toast, onSessionEnded });
  const actions = makeActions(parts, { tree, toast, archives });
  const create = (/** @type {string} */ path) => actions.createFolder(path);
  const moving = new MoveDialog(byId("move-dialog", HTMLDialogElement), { tree, create, onSessionEnded });
  const renaming = new RenameField({
    rename: (item, name) => actions.rename(item, name),
    onFailed: (sentence) => toast.show(sentence, { isError: true }),
    onEnd: focusList,
  });
  const commands = new Commands({
    actions,
    view: () => store.place.view,
    open: (item) => store.go({ ...ROOT, folder: item.kind === "folder" ? item.folder : item.file.folder }),
    preview: parts.preview,
    details: parts.details,
    rename: (item) => {
      parts.view().focus(item.key);
      const row = parts.view().rowOf(item.key);
      if (row) renaming.edit(item, find(row.element, ".file-text"));
    },
    chooseFolder: (items) => moving.choose(items),
  });
  /** @type {Commands["run"]} */
  const onCommand = (name, items) => commands.run(name, items);
  const bar = new SelectionBar(byId("selection-bar"), { selection, store, toast, onCommand, onCleared: focusList });
  const menu = new ItemMenu(byId("item-menu"), onCommand);
  connectFolderControls(actions, store, new FolderDialog(byId("folder-dialog", HTMLDialogElement), create));
  new DragMove(byId("files"), {
    itemsOf: (key) => (store.place.view === "files" ? dragged(key, bar, selection, store) : []),
    onMove: (items, folder) => actions.moveTo(items, folder),
  });
  return { actions, bar, commands, selection, toast, handlers: handlersFor({ bar, commands, menu, selection, store }) };
}

/**
 * What keys and controls of the list do.
 * @param {{bar: SelectionBar, commands: Commands, menu: ItemMenu, selection: Selection, store: FileStore}} own
 * @returns {Omit<Handlers, "openFolder"|"up">}
 */
function handlersFor({ bar, commands, menu, selection, store }) {
  return {
    open: (item) => commands.run(store.place.view === "files" ? "preview" : "details", [item]),
    download: (item) => commands.run("download", [item]),
    rename: (item) => commands.run("rename", [item]),
    trash: (items) => {
      const name = store.place.view === "trash" ? "deletePermanently" : "trash";
      // What is selected may not be loaded so far.
      if (items.length > 1) bar.run(name);
      else commands.run(name, items);
    },
    restore: (items) => commands.run("restore", items),
    menu: (item, anchor) => menu.open(anchor, store.place.view, selection.has(item.key) ? bar.items : [item]),
  };
}

/**
 * The buttons for a new folder and for emptying the trash, each where it makes sense.
 * @param {Actions} actions
 * @param {FileStore} store
 * @param {FolderDialog} dialog
 */
function connectFolderControls(actions, store, dialog) {
  const [newFolder, emptyTrash] = [byId("new-folder"), byId("empty-trash")];
  newFolder.addEventListener("click", () => dialog.open(store.place.folder));
  emptyTrash.addEventListener("click", () => actions.emptyTrash());
  const update = () => {
    newFolder.hidden = !isFolder(store.place);
    emptyTrash.hidden = store.place.view !== "trash" || store.items.length === 0;
  };
  for (const type of ["place", "change", "state"]) store.addEventListener(type, update);
  update();
}

/**
 * @param {Parts} parts
 * @param {{tree: FolderTree, toast: Toast, archives: ArchiveDownload}} own
 */
function makeActions(parts, { tree, toast, archives }) {
  const { api, store, onSessionEnded, onUsageChanged, onForget } = parts;
  const changesApi = new ChangesApi(api);
  return new Actions({
    api: changesApi,
    changes: new ItemChanges(changesApi, tree),
    store,
    toast,
    archives,
    hasTrash: byId("floating").dataset.trashDays !== "0",
    confirmDelete: (items) => confirmWith(byId("delete-dialog", HTMLDialogElement), summary(items)),
    confirmEmpty: () => confirmWith(byId("empty-dialog", HTMLDialogElement), trashSummary(store)),
    startDownload: async (id) => load((await api.download(id)).url),
    onSessionEnded,
    onUsageChanged,
    onForget,
  });
}

/**
 * @param {string} key of the row that is dragged
 * @param {SelectionBar} bar
 * @param {Selection} selection
 * @param {FileStore} store
 * @returns {Item[]} all that is selected, or the item alone if it is not
 */
function dragged(key, bar, selection, store) {
  return selection.has(key) ? bar.items : store.items.filter((item) => item.key === key);
}

/**
 * @param {Item[]} items at least one
 * @returns {string} what is about to be deleted
 */
function summary(items) {
  if (items.length === 1) return displayName(nameOf(items[0]));
  return items.every((item) => item.kind === "file") ? sizeOf(items) : actionMessages.items(items.length);
}

/** @param {FileStore} store of the trash */
function trashSummary({ items, hasMore }) {
  return hasMore ? actionMessages.moreThan(items.length) : sizeOf(items);
}

/** @param {Item[]} items */
function sizeOf(items) {
  const size = items.reduce((sum, item) => sum + (item.kind === "file" ? item.file.size : 0), 0);
  return listMessages.filesAndSize(items.length, bytes(size));
}
