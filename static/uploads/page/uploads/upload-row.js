import * as format from "../text/format.js";
import { percent, portion } from "../text/language.js";
import { explain, messages } from "../text/messages.js";
import { displayName } from "../text/names.js";
import { find, findAll } from "../ui/elements.js";
import { showName } from "../ui/file-name.js";
import { setAttribute, setText, setVisible } from "../ui/rendering.js";
import { TimeLeft } from "./time-left.js";

/** @import { Upload } from "../../client/index.js" */
/** @import { Limits } from "../text/messages.js" */
/** @typedef {"pause"|"resume"|"cancel"|"retry"|"again"|"dismiss"} Action */

/** The row of one upload. Draws only when it is called. */
export class UploadRow {
  /** Whether it precedes the other rows, regardless of when its file was added. */
  pinned = false;
  #upload;
  #limits;
  #use;
  #icons;
  #icon = "";
  #progress;
  #state;
  #percent;
  #detail;
  #buttons;
  #timeLeft = new TimeLeft();

  /**
   * @param {HTMLTemplateElement} template
   * @param {Upload} upload
   * @param {Limits} limits
   * @param {Record<Action, () => void>} actions by the buttons' `data-action`
   */
  constructor(template, upload, limits, actions) {
    this.#upload = upload;
    this.#limits = limits;
    const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const element = find(content, "[data-upload-row]");
    this.element = element;
    this.tile = find(element, ".tile");
    this.#use = find(this.tile, "use", SVGUseElement);
    // The names of static files contain a hash, so the URL of the sprite comes from the page.
    [this.#icons] = (this.#use.getAttribute("href") ?? "").split("#");
    this.#progress = find(element, "progress", HTMLProgressElement);
    this.#state = find(element, "[data-field=state]");
    this.#percent = find(element, "[data-field=percent]");
    this.#detail = find(element, "[data-field=detail]");
    /** @type {Record<Action, HTMLElement>} */
    this.#buttons = Object.fromEntries(
      findAll(element, "[data-action]").map((button) => [button.dataset.action, button]),
    );
    this.#showName(upload.place);
    for (const [action, act] of Object.entries(actions)) {
      const button = this.#buttons[/** @type {Action} */ (action)];
      button.setAttribute("aria-label", messages.actionLabel[action](upload.place));
      button.addEventListener("click", act);
    }
    this.draw(performance.now());
  }

  /**
   * Draws everything. Not for every frame, because text must not change faster than it can be read.
   * @param {number} now
   */
  draw(now) {
    const { state, waiting, sent, size } = this.#upload;
    setAttribute(this.element, "data-state", state);
    const icon = waiting ? "queued" : state;
    if (icon !== this.#icon) {
      this.#icon = icon;
      this.#use.setAttribute("href", `${this.#icons}#state-${icon === "pausing" ? "paused" : icon}`);
    }
    const name = messages.state[icon];
    setText(this.#state, name);
    setText(this.#detail, this.#describe(now));
    const isCounted = ["uploading", "pausing", "paused"].includes(state);
    const value = isCounted ? messages.progressValue(name, percent(sent, size)) : name;
    setAttribute(this.#progress, "aria-valuetext", value);
    this.drawBar();
    this.#showButtons();
  }

  /** Draws the bar and the percentage. Cheap enough for every frame. */
  drawBar() {
    const { state, sent, size, finished } = this.#upload;
    setText(this.#percent, this.#showsProgress() && !this.#isAllSent() ? `${percent(sent, size)} · ` : "");
    setVisible(this.#progress, !finished);
    if (state === "hashing" || state === "confirming") {
      // Without a value the bar is indeterminate.
      this.#progress.removeAttribute("value");
    } else {
      // Not rounded, so that the bar of a large file moves between two percentages.
      this.#progress.value = portion(sent, size);
    }
  }

  /** Focuses the first button, or the row if there is none. */
  focus() {
    const [button] = findAll(this.element, "button:not([hidden])");
    if (button) {
      button.focus();
    } else {
      // Set only now, because otherwise every click on the row would focus it.
      this.element.tabIndex = -1;
      this.element.addEventListener("blur", () => this.element.removeAttribute("tabindex"), { once: true });
      this.element.focus();
    }
  }

  /** @param {string} realName */
  #showName(realName) {
    const element = find(this.element, "[data-field=name]");
    const name = displayName(realName);
    element.title = name;
    showName(element, realName);
    this.element.dataset.name = name;
    this.#progress.setAttribute("aria-label", messages.progressLabel(name));
  }

  #showButtons() {
    const { canPause, canResume, canCancel, canRetry, canRemove, alreadyStored } = this.#upload;
    // Read first, because hiding a button makes it lose the focus.
    const focused = document.activeElement;
    showButton(this.#buttons.pause, canPause);
    this.#labelPause();
    showButton(this.#buttons.resume, canResume);
    showButton(this.#buttons.cancel, canCancel);
    showButton(this.#buttons.retry, canRetry);
    showButton(this.#buttons.again, alreadyStored && canRemove);
    showButton(this.#buttons.dismiss, canRemove);
    if (this.element.contains(focused) && focused?.closest("[hidden]")) this.focus();
  }

  /** While requests end, the button that asked for it stops them. */
  #labelPause() {
    const { state, name } = this.#upload;
    const action = state === "pausing" ? "stop" : "pause";
    setText(find(this.#buttons.pause, ".label"), messages.pauseLabel[action]);
    setAttribute(this.#buttons.pause, "title", messages.pauseLabel[action]);
    setAttribute(this.#buttons.pause, "aria-label", messages.actionLabel[action](name));
  }

  /** @param {number} now */
  #describe(now) {
    const { state, waiting, size, slow, scanning, alreadyStored, problem } = this.#upload;
    if (this.#showsProgress()) return this.#describeProgress(now);
    switch (state) {
      case "failed":
      case "rejected":
        return explain(problem, this.#limits);
      case "stored":
        return alreadyStored ? messages.alreadyStored : format.bytes(size);
      case "confirming":
        if (scanning) return messages.scanning;
        if (slow) return messages.slow;
        break;
    }
    return waiting ? messages.waiting[waiting] : format.bytes(size);
  }

  #showsProgress() {
    const { state, waiting, sent } = this.#upload;
    return ["uploading", "pausing", "paused"].includes(state) || (state === "queued" && sent > 0 && !waiting);
  }

  /** Every byte was sent, but storage has not responded yet. */
  #isAllSent() {
    const { state, sent, size } = this.#upload;
    return (state === "uploading" || state === "pausing") && size > 0 && sent === size;
  }

  /** @param {number} now */
  #describeProgress(now) {
    const { state, waiting, sent, size, rate, resumed } = this.#upload;
    const left = this.#timeLeft.steady(state === "uploading" && !waiting ? rate.secondsLeft(size - sent) : null, now);
    if (this.#isAllSent() && !waiting) return messages.allSent(format.bytes(size));
    const parts = [messages.of(format.bytes(sent), format.bytes(size))];
    if (waiting) {
      parts.push(messages.waiting[waiting]);
    } else if (state === "pausing") {
      parts.push(messages.pausing);
    } else if (state === "uploading") {
      if (rate.speed !== null && rate.speed >= 1) parts.push(format.speed(rate.speed));
      if (left !== null && sent < size) parts.push(messages.timeLeft(format.duration(left)));
      if (resumed > 0) parts.push(messages.resumedAt(percent(resumed, size)));
    }
    return parts.join(" · ");
  }
}

/**
 * Gives a button its icon when it is shown for the first time. The browser looks an icon up in the sprite for each use of
 * it, hidden ones included, and most buttons of most rows are never shown.
 * @param {HTMLElement} button
 * @param {boolean} visible
 */
function showButton(button, visible) {
  const use = visible ? button.querySelector("use[data-href]") : null;
  if (use instanceof SVGUseElement) {
    use.setAttribute("href", use.dataset.href ?? "");
    use.removeAttribute("data-href");
  }
  setVisible(button, visible);
}
