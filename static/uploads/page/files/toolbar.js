import { bytes } from "../text/format.js";
import { listMessages } from "../text/list-messages.js";
import { displayName } from "../text/names.js";
import { byId, find, findAll } from "../ui/elements.js";
import { setAttribute, setText } from "../ui/rendering.js";
import { addressOf, isFolder, lastNameOf, orderOf, parentOf, ROOT, SORTS, TYPES } from "./place.js";

/** @import { FileStore } from "./store.js" */
/** @import { Place, Sort, ViewName } from "./types.js" */

/** Milliseconds after the last key; each search costs the server a query. */
const SEARCH_DELAY = 250;

/** What is above the list: where one is, how much is there, the search, the filter, the order and the views. */
export class Toolbar {
  #store;
  #timer = 0;
  #breadcrumb = find(byId("breadcrumb"), "ol");
  #total = byId("files-total");
  #search = byId("search", HTMLInputElement);
  #type = byId("type-filter", HTMLSelectElement);
  #sort = byId("sort", HTMLSelectElement);
  #views = byId("views");

  /** @param {FileStore} store */
  constructor(store) {
    this.#store = store;
    for (const type of ["", ...TYPES]) this.#type.add(new Option(listMessages.types[type], type));
    for (const sort of SORTS) this.#sort.add(new Option(listMessages.sorts[sort], sort));
    this.#type.addEventListener("change", () => this.#go({ type: this.#type.value }));
    this.#sort.addEventListener("change", () => this.#go({ sort: /** @type {Sort} */ (this.#sort.value) }));
    this.#search.addEventListener("input", () => this.#searchSoon());
    this.#search.addEventListener("search", () => this.#searchNow());
    byId("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#searchNow();
    });
    for (const region of [this.#breadcrumb, this.#views]) {
      region.addEventListener("click", (event) => this.#followed(/** @type {MouseEvent} */ (event)));
    }
    store.addEventListener("place", () => this.#draw());
    for (const type of ["change", "state"]) store.addEventListener(type, () => this.#drawTotal());
    this.#draw();
  }

  /** Removes the search term. */
  clearSearch() {
    this.#search.value = "";
    this.#searchNow();
    this.#search.focus();
  }

  /** @param {Partial<Place>} changes to what is listed; they are no new place in the history */
  #go(changes) {
    this.#store.go({ ...this.#store.place, ...changes }, { push: false });
  }

  #searchSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#searchNow(), SEARCH_DELAY);
  }

  #searchNow() {
    clearTimeout(this.#timer);
    const q = this.#search.value;
    if (q === this.#store.place.q) return;
    this.#go({ q });
  }

  /** @param {MouseEvent} event on a link to a folder or a view, which a new tab can open too */
  #followed(event) {
    const link = /** @type {Element} */ (event.target).closest("a");
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { folder, view } = link.dataset;
    this.#store.go(folder === undefined ? { ...ROOT, view: /** @type {ViewName} */ (view) } : { ...ROOT, folder });
  }

  #draw() {
    const { place } = this.#store;
    // What is being typed is newer than what was searched for.
    if (document.activeElement !== this.#search) this.#search.value = place.q;
    const scope = place.folder ? lastNameOf(place.folder) : "";
    this.#search.placeholder = scope ? listMessages.searchIn(scope) : listMessages.searchAll;
    this.#type.value = place.type;
    this.#sort.value = orderOf(place);
    // The files of several folders are listed newest first, and in no other order.
    this.#sort.hidden = !isFolder(place);
    byId("sort-label").hidden = !isFolder(place);
    for (const link of findAll(this.#views, "a")) setCurrent(link, link.dataset.view === place.view);
    this.#drawBreadcrumb(place);
    this.#drawTotal();
  }

  /** @param {Place} place */
  #drawBreadcrumb(place) {
    const paths = place.view === "files" ? ["", ...ancestorsOf(place.folder)] : [];
    const links = paths.map((folder) => {
      const link = document.createElement("a");
      link.href = addressOf({ ...ROOT, folder });
      link.dataset.folder = folder;
      const name = document.createElement("bdi");
      name.textContent = folder ? displayName(lastNameOf(folder)) : listMessages.allFiles;
      link.append(name);
      setCurrent(link, folder === place.folder);
      return link;
    });
    if (links.length === 0) {
      const text = document.createElement("span");
      text.textContent = listMessages.views[place.view];
      this.#breadcrumb.replaceChildren(listItem(text));
    } else {
      this.#breadcrumb.replaceChildren(...links.map(listItem));
    }
  }

  #drawTotal() {
    if (this.#store.state === "loading") return;
    setText(this.#total, totalOf(this.#store));
  }
}

/**
 * @param {Pick<FileStore, "place"|"items"|"hasMore"|"folder"|"state">} store
 * @returns {string} how much there is, as far as that is known
 */
export function totalOf({ place, items, hasMore, folder, state }) {
  if (state === "failed") return "";
  if (folder?.moving_to) return listMessages.moving(folder.moving_to);
  if (isFolder(place) && place.type === "" && folder) {
    if (folder.files === 0) return "";
    const size = bytes(folder.bytes);
    return place.folder ? listMessages.filesHere(folder.files, size) : listMessages.filesInTotal(folder.files, size);
  }
  const count = items.length;
  if (count === 0) return "";
  if (place.q) return hasMore ? listMessages.foundSoFar(count) : listMessages.found(count);
  return hasMore ? listMessages.soFar(count) : listMessages.files(count);
}

/**
 * @param {string} folder
 * @returns {string[]} the paths of this folder and of those that contain it, outermost first, without the root
 */
export function ancestorsOf(folder) {
  return folder ? [...ancestorsOf(parentOf(folder)), folder] : [];
}

/** @param {Element} element */
function listItem(element) {
  const item = document.createElement("li");
  item.append(element);
  return item;
}

/**
 * @param {Element} link
 * @param {boolean} isCurrent
 */
function setCurrent(link, isCurrent) {
  if (isCurrent) setAttribute(link, "aria-current", "page");
  else link.removeAttribute("aria-current");
}
