import { ApiError } from "../../../client/index.js";
import { explain } from "../../text/messages.js";
import { explainFailure, explainPreview } from "../../text/preview-messages.js";
import { find } from "../../ui/elements.js";
import { PreviewProblem } from "./problem.js";
import { unload } from "./views.js";
import { Zoom } from "./zoom.js";

/** @import { Explanation } from "../../text/preview-messages.js" */
/** @import { View } from "./views.js" */

/** Milliseconds for which the last file stays while the next one is loading, so that nothing flashes. */
const GRACE = 250;

/** Shows one file at a time, or why it cannot be shown: templates/uploads/_preview_stage.html. */
export class Stage {
  /** Counts what was to be shown; what arrives late is ignored. */
  #turn = 0;
  /** Where a recording that can no longer be played had got to, in seconds. */
  #reached = 0;
  #kind = "other";
  #element;
  #content;
  #loading;
  #message;
  #zoom;
  #onShown;

  /**
   * @param {HTMLElement} element
   * @param {object} callbacks
   * @param {(startAt: number) => void} callbacks.onRetry with the seconds that a recording had reached
   * @param {() => void} callbacks.onDownload
   * @param {(view: View|null, sentence: string) => void} [callbacks.onShown] what is shown; if it is not the file, why
   */
  constructor(element, { onRetry, onDownload, onShown = () => {} }) {
    this.#element = element;
    this.#content = find(element, "[data-field=content]");
    this.#loading = find(element, "[data-field=loading]");
    this.#message = find(element, "[data-field=message]");
    this.#zoom = new Zoom(find(element, "[data-zoom]", HTMLButtonElement));
    this.#onShown = onShown;
    find(this.#message, "[data-retry]").addEventListener("click", () => onRetry(this.#reached));
    find(this.#message, "[data-download]").addEventListener("click", () => onDownload());
  }

  /**
   * @param {Promise<View>} loading
   * @param {string} [kind] the type group of the file, whose icon stands for a file that cannot be shown
   */
  async show(loading, kind = "other") {
    this.#kind = kind;
    this.#turn += 1;
    const turn = this.#turn;
    this.#reached = 0;
    this.#pause();
    const timer = setTimeout(() => this.#show(this.#loading), GRACE);
    try {
      const view = await loading;
      if (turn === this.#turn) this.#showView(view);
    } catch (error) {
      if (turn === this.#turn) this.#showProblem(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Shows nothing, and stops what plays. */
  clear() {
    this.#turn += 1;
    this.#show(null);
  }

  /** @param {View} view */
  #showView(view) {
    this.#content.replaceChildren(view.element);
    this.#show(this.#content);
    this.#element.dataset.kind = view.kind;
    this.#zoom.watch(view.kind === "image" ? view.element : null);
    const [recording] = this.#recordings();
    recording?.addEventListener("error", () => this.#stopped(recording), { once: true });
    this.#onShown(view, "");
  }

  /** @param {HTMLMediaElement} recording that played, and whose address has expired, for example */
  #stopped(recording) {
    if (!this.#content.contains(recording) || !recording.src) return;
    this.#reached = recording.currentTime;
    this.#explain(explainPreview("expired"));
  }

  /** @param {unknown} error */
  #showProblem(error) {
    // The file was dropped, because another one is shown.
    if (error instanceof DOMException && error.name === "AbortError") return;
    this.#explain(explanationOf(error));
    if (!(error instanceof PreviewProblem || error instanceof ApiError)) throw error;
  }

  /** @param {Explanation} explanation */
  #explain({ title, text, retry = false, download = false }) {
    find(this.#message, "[data-field=title]").textContent = title;
    find(this.#message, "[data-field=text]").textContent = text;
    find(this.#message, "[data-retry]").hidden = !retry;
    find(this.#message, "[data-download]").hidden = !download;
    const icon = find(this.#message, "use", SVGUseElement);
    icon.href.baseVal = icon.href.baseVal.replace(/#.*/, `#kind-${this.#kind}`);
    this.#show(this.#message);
    this.#onShown(null, `${title}. ${text}`);
  }

  /** @param {HTMLElement|null} part the only one that is shown */
  #show(part) {
    for (const each of [this.#content, this.#loading, this.#message]) each.hidden = each !== part;
    if (part === this.#content) return;
    for (const recording of this.#recordings()) unload(recording);
    this.#content.replaceChildren();
    this.#zoom.watch(null);
    delete this.#element.dataset.kind;
  }

  #pause() {
    for (const recording of this.#recordings()) recording.pause();
  }

  /** @returns {HTMLMediaElement[]} */
  #recordings() {
    return [...this.#content.querySelectorAll("audio, video")].filter((each) => each instanceof HTMLMediaElement);
  }
}

/** @param {unknown} error */
function explanationOf(error) {
  if (error instanceof PreviewProblem) return explainPreview(error.code);
  if (!(error instanceof ApiError)) return explainFailure(explain(null));
  return error.code === "file_not_found" ? explainPreview("gone") : explainFailure(explain(error));
}
