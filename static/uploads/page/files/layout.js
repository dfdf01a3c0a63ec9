import { listMessages } from "../text/list-messages.js";
import { byId, find } from "../ui/elements.js";

/** @typedef {"list"|"tiles"} Layout */

const KEY = "filehub-layout";

/** Whether files are shown as a list or as tiles: a choice of this browser, not of the address. */
export class LayoutSwitch {
  #button = byId("layout", HTMLButtonElement);
  #grid = byId("files");
  #onChange;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    this.#show(remembered());
    this.#button.addEventListener("click", () => this.#toggle());
  }

  #toggle() {
    const layout = this.#grid.dataset.layout === "tiles" ? "list" : "tiles";
    this.#show(layout);
    try {
      localStorage.setItem(KEY, layout);
    } catch {
      // Without storage, it is only not remembered.
    }
    this.#onChange();
  }

  /** @param {Layout} layout */
  #show(layout) {
    const other = layout === "tiles" ? "list" : "tiles";
    this.#grid.dataset.layout = layout;
    this.#button.title = listMessages.layout[other];
    this.#button.setAttribute("aria-label", listMessages.layout[other]);
    const icon = find(this.#button, "use", SVGUseElement);
    icon.setAttribute("href", `${icon.href.baseVal.split("#")[0]}#${other}`);
  }
}

/** @returns {Layout} */
function remembered() {
  try {
    return localStorage.getItem(KEY) === "tiles" ? "tiles" : "list";
  } catch {
    return "list";
  }
}
