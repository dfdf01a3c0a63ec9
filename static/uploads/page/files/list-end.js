import { listMessages } from "../text/list-messages.js";
import { explain } from "../text/messages.js";
import { byId, find } from "../ui/elements.js";
import { setVisible } from "../ui/rendering.js";
import { ROOT } from "./place.js";

/** @import { FileStore } from "./store.js" */
/** @import { Place } from "./types.js" */

/**
 * What is shown in place of a list, or below it.
 * @typedef {object} Ending
 * @property {string} title
 * @property {string} text
 * @property {string} icon of the sprite
 * @property {"clear"|"everywhere"|"types"|"home"|"retry"|"more"|""} action that a button offers
 */

/** @type {Record<Exclude<Ending["action"], "">, string>} */
const LABELS = {
  clear: listMessages.clearSearch,
  everywhere: listMessages.searchEverywhere,
  types: listMessages.showAllTypes,
  home: listMessages.showAllFiles,
  retry: listMessages.tryAgain,
  more: listMessages.keepSearching,
};

/** The end of the list: why it is empty, or that there is more. */
export class ListEnd {
  #store;
  #clearSearch;
  #element = byId("files-end");
  #title = find(this.#element, "[data-field=title]");
  #text = find(this.#element, "[data-field=text]");
  #icon = find(this.#element, "use", SVGUseElement);
  #button = find(this.#element, "button");

  /**
   * @param {FileStore} store
   * @param {() => void} clearSearch
   */
  constructor(store, clearSearch) {
    this.#store = store;
    this.#clearSearch = clearSearch;
    this.#button.addEventListener("click", () => this.#act());
    for (const type of ["change", "state", "place"]) store.addEventListener(type, () => this.#draw());
    this.#draw();
  }

  #draw() {
    const ending = endingOf(this.#store);
    setVisible(this.#element, ending !== null);
    if (!ending) return;
    this.#title.textContent = ending.title;
    setVisible(this.#title, ending.title !== "");
    this.#text.textContent = ending.text;
    setVisible(this.#text, ending.text !== "");
    const sprite = this.#icon.href.baseVal.split("#")[0];
    this.#icon.setAttribute("href", `${sprite}#${ending.icon}`);
    this.#element.toggleAttribute("data-drawing", ending.icon.startsWith("art-"));
    this.#element.toggleAttribute("data-compact", ending.title === "");
    const { action } = ending;
    this.#button.dataset.action = action;
    setVisible(this.#button, action !== "");
    if (action) this.#button.textContent = LABELS[action];
  }

  #act() {
    const store = this.#store;
    const { place } = store;
    switch (this.#button.dataset.action) {
      case "clear":
        return this.#clearSearch();
      case "everywhere":
        return store.go({ ...place, folder: "" });
      case "types":
        return store.go({ ...place, type: "" }, { push: false });
      case "home":
        return store.go(ROOT);
      case "retry":
        return store.retry();
      default:
        return store.loadMore();
    }
  }
}

/**
 * @param {Pick<FileStore, "place"|"items"|"hasMore"|"isPaused"|"isReading"|"state"|"problem"|"examined">} store
 * @returns {Ending|null} null while the list speaks for itself
 */
export function endingOf(store) {
  const { place, items, hasMore, state, problem } = store;
  if (state === "failed") return failureOf(problem);
  if (state === "loading") return null;
  if (hasMore) return continuationOf(store);
  return items.length === 0 ? emptinessOf(place) : null;
}

/** @param {FileStore["problem"]} problem @returns {Ending} */
function failureOf(problem) {
  const { missing, failed } = listMessages.empty;
  if (problem?.code === "folder_not_found" || problem?.code === "invalid_folder") {
    return { ...missing, icon: "folder", action: "home" };
  }
  const text = `${explain(problem)} ${failed.text}`;
  return { title: failed.title, text, icon: "alert", action: "retry" };
}

/**
 * @param {Pick<FileStore, "place"|"items"|"isPaused"|"isReading"|"problem"|"examined">} store
 * @returns {Ending|null}
 */
function continuationOf({ place, items, isPaused, isReading, problem, examined }) {
  const icon = "search";
  if (problem) return { title: "", text: explain(problem), icon, action: "retry" };
  const text = examined > 0 ? listMessages.examined(examined) : "";
  if (!isPaused) {
    const isSearch = place.q !== "" || place.type !== "";
    if (!isReading && items.length > 0) return null;
    return { title: "", text: isSearch ? listMessages.searching : listMessages.loadingMore, icon, action: "" };
  }
  const title = items.length === 0 && place.q ? listMessages.noMatchYet(place.q) : "";
  return { title, text, icon, action: "more" };
}

/**
 * @param {Place} place
 * @returns {Ending}
 */
function emptinessOf({ view, folder, q, type }) {
  const { empty } = listMessages;
  if (q) {
    const action = folder ? "everywhere" : "clear";
    return { title: listMessages.noMatch(q), text: listMessages.searchHint, icon: "search", action };
  }
  if (type) return { ...empty.type, icon: "search", action: "types" };
  if (view === "trash") return { ...empty.trash, icon: "trash", action: "" };
  if (view === "scanning") return { ...empty.scanning, icon: "state-stored", action: "" };
  if (view === "rejected") return { ...empty.rejected, icon: "state-stored", action: "" };
  return { ...(folder ? empty.folder : empty.root), icon: folder ? "folder" : "art-empty", action: "" };
}
