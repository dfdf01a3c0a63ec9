import * as format from "../text/format.js";
import { percent } from "../text/language.js";
import { explain, messages } from "../text/messages.js";
import { setAttribute, setText, setVisible } from "../ui/drawing.js";
import { find, findAll } from "../ui/elements.js";
import { TimeLeft } from "./time-left.js";

/** @import { Upload } from "../../client/index.js" */
/** @import { Limits } from "../text/messages.js" */
/** @typedef {"pause"|"resume"|"cancel"|"retry"|"again"|"dismiss"} Action */

/** What one upload looks like. Draws when it is told to. */
export class UploadRow {
  /** It stands before the others, whenever its file was added. */
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
    // Static files carry a hash in their name, so the sprite's address comes from the page.
    [this.#icons] = (this.#use.getAttribute("href") ?? "").split("#");
    this.#progress = find(element, "progress", HTMLProgressElement);
    this.#state = find(element, "[data-field=state]");
    this.#percent = find(element, "[data-field=percent]");
    this.#detail = find(element, "[data-field=detail]");
    /** @type {Record<Action, HTMLElement>} */
    this.#buttons = Object.fromEntries(
      findAll(element, "[data-action]").map((button) => [button.dataset.action, button]),
    );
    this.#showName(upload.name);
    for (const [action, act] of Object.entries(actions)) {
      const button = this.#buttons[/** @type {Action} */ (action)];
      button.setAttribute("aria-label", messages.actionLabel[action](upload.name));
      button.addEventListener("click", act);
    }
    this.draw(performance.now());
  }

  /**
   * Everything. Text must stand still long enough to be read, so this is not for every frame.
   * @param {number} now
   */
  draw(now) {
    const { state, waiting, sent, size } = this.#upload;
    setAttribute(this.element, "data-state", state);
    const icon = waiting ? "queued" : state;
    if (icon !== this.#icon) {
      this.#icon = icon;
      this.#use.setAttribute("href", `${this.#icons}#state-${icon}`);
    }
    const name = messages.state[icon];
    setText(this.#state, name);
    setText(this.#detail, this.#describe(now));
    const isCounted = state === "uploading" || state === "paused";
    const value = isCounted ? messages.progressValue(name, percent(sent, size)) : name;
    setAttribute(this.#progress, "aria-valuetext", value);
    this.drawBar();
    this.#showButtons();
  }

  /** The bar and the percentage. Cheap enough for every frame. */
  drawBar() {
    const { state, sent, size, finished } = this.#upload;
    setText(this.#percent, this.#showsProgress() && !this.#isAllSent() ? `${percent(sent, size)} · ` : "");
    setVisible(this.#progress, !finished);
    if (state === "hashing" || state === "confirming") {
      // Without a value it is indeterminate: something goes on, and nobody knows for how long.
      this.#progress.removeAttribute("value");
    } else {
      // Not rounded: the bar of a large file moves while its percentage stands still.
      this.#progress.value = size > 0 ? (sent / size) * 100 : 0;
    }
  }

  /** Puts the focus on the first thing that can be done here. */
  focus() {
    const [button] = findAll(this.element, "button:not([hidden])");
    if (button) {
      button.focus();
    } else {
      // Only now: otherwise each click on the row would take the focus.
      this.element.tabIndex = -1;
      this.element.addEventListener("blur", () => this.element.removeAttribute("tabindex"), { once: true });
      this.element.focus();
    }
  }

  /** @param {string} name */
  #showName(name) {
    const element = find(this.element, "[data-field=name]");
    const end = name.lastIndexOf("/") + 1;
    element.title = name;
    const folder = find(element, "[data-field=folder]");
    folder.textContent = name.slice(0, end);
    folder.hidden = end === 0;
    find(element, "[data-field=file]").textContent = name.slice(end);
    this.element.dataset.name = name;
    this.#progress.setAttribute("aria-label", messages.progressLabel(name));
  }

  #showButtons() {
    const { canPause, canResume, canCancel, canRetry, canRemove, alreadyStored } = this.#upload;
    // Asked before: a button that is hidden loses the focus at once.
    const focused = document.activeElement;
    setVisible(this.#buttons.pause, canPause);
    setVisible(this.#buttons.resume, canResume);
    setVisible(this.#buttons.cancel, canCancel);
    setVisible(this.#buttons.retry, canRetry);
    setVisible(this.#buttons.again, alreadyStored && canRemove);
    setVisible(this.#buttons.dismiss, canRemove);
    if (this.element.contains(focused) && focused?.closest("[hidden]")) this.focus();
  }

  /** @param {number} now */
  #describe(now) {
    const { state, waiting, size, slow, alreadyStored, problem } = this.#upload;
    if (this.#showsProgress()) return this.#describeProgress(now);
    switch (state) {
      case "failed":
      case "rejected":
        return explain(problem, this.#limits);
      case "stored":
        return alreadyStored ? messages.alreadyStored : format.bytes(size);
      case "confirming":
        if (slow) return messages.slow;
        break;
    }
    return waiting ? messages.waiting[waiting] : format.bytes(size);
  }

  #showsProgress() {
    const { state, waiting, sent } = this.#upload;
    return state === "uploading" || state === "paused" || (state === "queued" && sent > 0 && !waiting);
  }

  /** Every byte has left, and storage has not answered yet. */
  #isAllSent() {
    const { state, sent, size } = this.#upload;
    return state === "uploading" && size > 0 && sent === size;
  }

  /** @param {number} now */
  #describeProgress(now) {
    const { state, waiting, sent, size, rate, resumed } = this.#upload;
    const left = this.#timeLeft.steady(state === "uploading" && !waiting ? rate.secondsLeft(size - sent) : null, now);
    if (this.#isAllSent()) return messages.allSent(format.bytes(size));
    const facts = [messages.of(format.bytes(sent), format.bytes(size))];
    if (waiting) {
      facts.push(messages.waiting[waiting]);
    } else if (state === "uploading") {
      if (rate.speed !== null && rate.speed >= 1) facts.push(format.speed(rate.speed));
      if (left !== null && sent < size) facts.push(messages.timeLeft(format.duration(left)));
      if (resumed > 0) facts.push(messages.resumedAt(percent(resumed, size)));
    }
    return facts.join(" · ");
  }
}
