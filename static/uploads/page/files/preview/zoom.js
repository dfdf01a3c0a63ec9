import { previewMessages } from "../../text/preview-messages.js";
import { find } from "../../ui/elements.js";

/** Shows an image fitted to the stage, or in its original size: on a click, or with the button. */
export class Zoom {
  /** @type {HTMLElement|null} the scrolling element around the image */
  #view = null;
  #button;
  #resized = new ResizeObserver(() => this.#draw());

  /** @param {HTMLButtonElement} button */
  constructor(button) {
    this.#button = button;
    button.addEventListener("click", () => this.#toggle(0.5, 0.5));
  }

  /** @param {HTMLElement|null} view with an image; null if something else is shown */
  watch(view) {
    if (view === this.#view) return;
    this.#resized.disconnect();
    this.#view = view;
    this.#button.hidden = true;
    if (!view) return;
    delete view.dataset.original;
    const image = find(view, "img", HTMLImageElement);
    image.onclick = (event) => this.#toggle(event.offsetX / image.width, event.offsetY / image.height);
    this.#resized.observe(view);
    this.#draw();
  }

  /**
   * @param {number} x the part of the image that stays in view, from 0 to 1
   * @param {number} y
   */
  #toggle(x, y) {
    const view = this.#view;
    if (!view || this.#button.hidden) return;
    const isOriginal = view.dataset.original === undefined;
    if (isOriginal) view.dataset.original = "";
    else delete view.dataset.original;
    this.#draw();
    if (isOriginal) {
      view.scrollTo(x * view.scrollWidth - view.clientWidth / 2, y * view.scrollHeight - view.clientHeight / 2);
    }
  }

  #draw() {
    const view = this.#view;
    if (!view) return;
    const image = find(view, "img", HTMLImageElement);
    const isOriginal = view.dataset.original !== undefined;
    const isSmaller = image.naturalWidth > view.clientWidth || image.naturalHeight > view.clientHeight;
    this.#button.hidden = !isSmaller;
    if (!isSmaller) delete view.dataset.original;
    this.#button.setAttribute("aria-pressed", String(isOriginal && isSmaller));
    const label = isOriginal ? previewMessages.fitToScreen : previewMessages.originalSize;
    this.#button.title = label;
    view.toggleAttribute("data-zoomable", isSmaller);
    this.#focusable(view, isOriginal && isSmaller);
  }

  /**
   * @param {HTMLElement} view
   * @param {boolean} isFocusable so that the keyboard can scroll it
   */
  #focusable(view, isFocusable) {
    view.toggleAttribute("data-scrolls", isFocusable);
    if (isFocusable) view.tabIndex = 0;
    else view.removeAttribute("tabindex");
  }
}
