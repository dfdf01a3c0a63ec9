import * as format from "./format.js";
import { messages } from "./messages.js";
import { appear, vanish } from "./motion.js";

/** How long a stored upload stays before its row leaves: by then the file is in the list below. */
const STORED_STAYS = 4_000;
/** A row that somebody points at or has focused does not leave under their hands. */
const ASK_AGAIN = 1_000;

/** The rows of the uploads in progress. Reads an Uploader, and calls it when a button is pressed. */
export class UploadList {
  /** @type {Map<number, Row>} */
  #rows = new Map();
  #frame = 0;
  #stale = new Set();
  #uploader;
  #section;
  #list;
  #template;
  #summary;
  #clearButton;
  #limits;

  /**
   * @param {Uploader} uploader
   * @param {{max_size: number, allowed_types: string[]}} config
   */
  constructor(uploader, config) {
    this.#uploader = uploader;
    this.#section = document.getElementById("uploads-section");
    this.#list = document.getElementById("uploads");
    this.#template = document.getElementById("upload-row-template");
    this.#summary = document.getElementById("uploads-summary");
    this.#clearButton = document.getElementById("clear-finished");
    this.#limits = { maxSize: format.bytes(config.max_size), types: config.allowed_types.join(", ") };

    uploader.addEventListener("add", (event) => this.#add(event.detail));
    uploader.addEventListener("state", (event) => this.#changed(event.detail));
    uploader.addEventListener("progress", (event) => this.#renderSoon(event.detail));
    uploader.addEventListener("remove", (event) => this.#remove(event.detail));
    this.#clearButton.addEventListener("click", () => this.#clear());
  }

  /**
   * @param {Upload} upload one that failed or was rejected
   * @returns {string} why, in a sentence
   */
  explain(upload) {
    return describeProblem(upload, this.#limits);
  }

  #add(upload) {
    const row = new Row(this.#template, upload, this.#limits, {
      cancel: () => this.#uploader.cancel(upload),
      retry: () => this.#uploader.retry(upload),
      dismiss: () => this.#uploader.remove(upload),
    });
    this.#rows.set(upload.key, row);
    this.#list.append(row.element);
    this.#section.hidden = false;
    this.#renderSoon(upload);
    appear(row.element);
  }

  #changed(upload) {
    this.#rows.get(upload.key)?.render();
    this.#renderSoon(upload);
    if (upload.state === "stored") {
      setTimeout(() => this.#leave(upload), STORED_STAYS);
    }
  }

  /** Progress comes far more often than a screen is drawn. */
  #renderSoon(upload) {
    this.#stale.add(upload);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      for (const each of this.#stale) this.#rows.get(each.key)?.render();
      this.#stale.clear();
      this.#summarise();
    });
  }

  #summarise() {
    const count = { active: 0, confirming: 0, stored: 0, failed: 0 };
    for (const upload of this.#uploader.uploads) {
      const kind =
        upload.state === "confirming" || upload.state === "stored" ? upload.state
        : upload.finished ? "failed"
        : "active";
      count[kind] += 1;
    }
    const parts = Object.entries(count).filter(([, number]) => number > 0);
    this.#summary.textContent = parts.map(([kind, number]) => messages.summary[kind](number)).join(" · ");
    this.#clearButton.hidden = count.stored + count.failed === 0;
  }

  #leave(upload) {
    const element = this.#rows.get(upload.key)?.element;
    if (!element) return;
    if (element.matches(":hover, :focus-within")) {
      setTimeout(() => this.#leave(upload), ASK_AGAIN);
    } else {
      this.#uploader.remove(upload);
    }
  }

  async #remove(upload) {
    const row = this.#rows.get(upload.key);
    this.#rows.delete(upload.key);
    this.#stale.delete(upload);
    this.#summarise();
    if (row.element.contains(document.activeElement)) {
      this.#focusAfter(row.element);
    }
    row.element.dataset.leaving = "";
    await vanish(row.element);
    if (this.#rows.size === 0) {
      this.#section.hidden = true;
    }
  }

  #focusAfter(element) {
    const siblings = [...this.#list.children].filter((child) => !("leaving" in child.dataset));
    const index = siblings.indexOf(element);
    const neighbour = siblings[index + 1] ?? siblings[index - 1];
    const button = neighbour?.querySelector("button:not([hidden])");
    (button ?? document.getElementById("choose-files")).focus();
  }

  #clear() {
    const focusMoves = document.activeElement === this.#clearButton;
    for (const upload of this.#uploader.uploads) {
      this.#uploader.remove(upload);
    }
    if (focusMoves) {
      document.getElementById(this.#rows.size ? "uploads-heading" : "choose-files").focus();
    }
  }
}

class Row {
  #upload;
  #limits;
  #use;
  #icons;
  #progress;
  #state;
  #detail;
  #buttons;

  constructor(template, upload, limits, actions) {
    this.#upload = upload;
    this.#limits = limits;
    const element = template.content.firstElementChild.cloneNode(true);
    this.element = element;
    this.#use = element.querySelector(".tile use");
    // Static files carry a hash in their name, so the sprite's address comes from the page.
    this.#icons = this.#use.getAttribute("href").split("#")[0];
    this.#progress = element.querySelector("progress");
    this.#state = element.querySelector("[data-field=state]");
    this.#detail = element.querySelector("[data-field=detail]");
    this.#buttons = Object.fromEntries(
      [...element.querySelectorAll("[data-action]")].map((button) => [button.dataset.action, button]),
    );

    element.dataset.name = upload.name;
    const name = element.querySelector("[data-field=name]");
    name.title = upload.name;
    name.firstElementChild.textContent = upload.name;
    this.#progress.setAttribute("aria-label", messages.progressLabel(upload.name));
    for (const [action, button] of Object.entries(this.#buttons)) {
      button.setAttribute("aria-label", messages[`${action}Label`](upload.name));
      button.addEventListener("click", actions[action]);
    }
    this.render();
  }

  render() {
    const { state } = this.#upload;
    const hadFocus = this.element.contains(document.activeElement);
    if (this.element.dataset.state !== state) {
      this.element.dataset.state = state;
      this.#use.setAttribute("href", `${this.#icons}#state-${state}`);
      this.#state.textContent = messages.state[state];
      this.#showButtons();
      if (hadFocus && !this.element.contains(visible(document.activeElement))) {
        this.element.querySelector("button:not([hidden])")?.focus();
      }
    }
    this.#showProgress();
    this.#detail.textContent = this.#describe();
  }

  #showButtons() {
    const { state, busy, finished, canRetry } = this.#upload;
    this.#buttons.cancel.hidden = !(busy || state === "queued");
    this.#buttons.retry.hidden = !(canRetry && (state === "failed" || state === "cancelled"));
    this.#buttons.dismiss.hidden = !finished;
  }

  #showProgress() {
    const { state, sent, size, finished } = this.#upload;
    this.#progress.hidden = finished;
    if (state === "hashing" || state === "confirming") {
      // Without a value it is indeterminate: something goes on, and nobody knows for how long.
      this.#progress.removeAttribute("value");
      this.#progress.setAttribute("aria-valuetext", messages.state[state]);
    } else {
      const percent = state === "queued" ? 0 : portion(sent, size);
      this.#progress.value = percent;
      this.#progress.setAttribute("aria-valuetext", `${messages.state[state]} ${percent}%`);
    }
  }

  #describe() {
    const { state, sent, size, rate, slow } = this.#upload;
    switch (state) {
      case "queued":
      case "hashing":
      case "stored":
        return format.bytes(size);
      case "uploading": {
        if (size > 0 && sent === size) return messages.allSent(format.bytes(size));
        const parts = [`${portion(sent, size)}%`, messages.of(format.bytes(sent), format.bytes(size))];
        const left = rate.secondsLeft(size - sent);
        if (rate.speed) parts.push(format.speed(rate.speed));
        if (left !== null && sent < size) parts.push(messages.timeLeft(format.duration(left)));
        return parts.join(" · ");
      }
      case "confirming":
        return slow ? messages.slow : format.bytes(size);
      case "failed":
      case "rejected":
        return describeProblem(this.#upload, this.#limits);
      default:
        return "";
    }
  }
}

function describeProblem({ state, problem }, limits) {
  if (problem?.message) return problem.message;
  if (state === "rejected") return messages.rejected;
  return messages.problem[problem?.code]?.(limits) ?? messages.unexpected;
}

function portion(sent, size) {
  return size === 0 ? 100 : Math.floor((sent / size) * 100);
}

function visible(element) {
  return element?.closest("[hidden]") ? null : element;
}
