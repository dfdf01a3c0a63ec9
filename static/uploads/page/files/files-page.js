import { isSignedOut } from "../../client/index.js";
import { listMessages } from "../text/list-messages.js";
import { byId } from "../ui/elements.js";
import { ColumnTitles } from "./column-titles.js";
import { LayoutSwitch } from "./layout.js";
import { ListControls } from "./list-controls.js";
import { endingOf, ListEnd } from "./list-end.js";
import { ListProblem } from "./list-problem.js";
import { ListView } from "./list-view.js";
import { Navigation, titleOf } from "./navigation.js";
import { parentOf, ROOT } from "./place.js";
import { Toolbar, totalOf } from "./toolbar.js";

/** @import { Announcer } from "../ui/announcer.js" */
/** @import { Handlers } from "./list-controls.js" */
/** @import { Pictures } from "./pictures.js" */
/** @import { Selection } from "./selection.js" */
/** @import { FileStore } from "./store.js" */

/**
 * The list with everything around it.
 * @param {object} parts
 * @param {FileStore} parts.store
 * @param {Selection} parts.selection
 * @param {Pictures} parts.pictures
 * @param {Announcer} parts.announcer
 * @param {Omit<Handlers, "openFolder"|"up">} parts.handlers what actions do with items; `open` of folders is done here
 * @param {() => void} parts.onSessionEnded
 */
export function createFilesPage({ store, selection, pictures, announcer, handlers, onSessionEnded }) {
  new Navigation(store);
  const toolbar = new Toolbar(store);
  new ListEnd(store, () => toolbar.clearSearch());
  const view = new ListView(store, selection, pictures);
  new ColumnTitles(view.element, { store, selection });
  new LayoutSwitch(() => view.measure());
  const problem = new ListProblem();
  const openFolder = (/** @type {string} */ folder) => store.go({ ...ROOT, folder });
  new ListControls(view, selection, store, {
    ...handlers,
    open: (item) => (item.kind === "folder" ? openFolder(item.folder) : handlers.open(item)),
    openFolder,
    up: () => store.place.folder && openFolder(parentOf(store.place.folder)),
  });

  store.addEventListener("state", () => {
    // What a place without a list has to say is in the list's stead.
    if (store.problem && store.state === "ready") problem.show(store.problem, () => store.retry());
    else problem.clear();
    if (isSignedOut(store.problem)) onSessionEnded();
  });
  followPlaces(store, selection, view, announcer);
  followEmptiness(store);
  // Nobody has to press a button for what the connection has interrupted.
  const tryNow = () => store.problem && store.retry();
  addEventListener("online", tryNow);
  if (store.state === "loading") store.retry();
  return { view, tryNow };
}

/**
 * Announces each new place, and moves the focus there if it was in the list.
 * @param {FileStore} store
 * @param {Selection} selection
 * @param {ListView} view
 * @param {Announcer} announcer
 */
function followPlaces(store, selection, view, announcer) {
  let { folder } = store.place;
  /** Whose row gets the focus: the folder from which the user has come back. */
  let origin = "";
  let isNew = false;
  let wasInList = false;
  store.addEventListener("place", () => {
    isNew = true;
    wasInList = view.element.contains(document.activeElement);
    origin = folder && parentOf(folder) === store.place.folder ? `folder:${folder}` : "";
    folder = store.place.folder;
    selection.clear();
    selection.focusOn(null);
  });
  store.addEventListener("state", () => {
    if (!isNew || store.state === "loading") return;
    isNew = false;
    const ending = store.items.length === 0 ? endingOf(store) : null;
    const state = ending ? `${ending.title} ${ending.text}`.trim() : totalOf(store);
    announcer.note(listMessages.opened(titleOf(store.place), state));
    view.scrollToStart();
    // After the list was drawn.
    if (wasInList) requestAnimationFrame(() => focusStart(view, origin));
  });
}

/**
 * @param {ListView} view
 * @param {string} key of the item that gets the focus if it is there
 */
function focusStart(view, key) {
  const item = view.itemOf(key) ?? view.items[0];
  if (item) view.focus(item.key);
  else byId("files-heading").focus({ preventScroll: true });
}

/**
 * The large drop zone is for an empty page.
 * @param {FileStore} store
 */
function followEmptiness(store) {
  const zone = byId("drop-zone");
  const update = () => {
    if (store.state === "loading") return;
    const { view, folder, q, type } = store.place;
    const isEmptyRoot = store.state === "ready" && `${folder}${q}${type}` === "" && view === "files";
    zone.toggleAttribute("data-compact", !(isEmptyRoot && store.items.length === 0 && !store.hasMore));
  };
  for (const type of ["change", "state"]) store.addEventListener(type, update);
}
