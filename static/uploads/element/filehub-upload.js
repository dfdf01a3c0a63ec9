import { bytes } from "../page/text/format.js";
import { Announcer } from "../page/ui/announcer.js";
import { Drawing } from "../page/ui/rendering.js";
import { Row } from "./row.js";
import { abandon, shared } from "./sharing.js";
import { View } from "./view.js";
import { describeTypes, words } from "./words.js";

/** @import { Limits, Upload } from "../client/index.js" */
/** @import { Action, Value } from "./row.js" */
/** @import { Shared } from "./sharing.js" */

/** Milliseconds between drawings of the progress: text must not change faster than it can be read. */
const DRAWING_INTERVAL = 100;

/**
 * The field of a form whose value are stored files. docs/integrating.md describes its attributes and events.
 *
 * Its files are hidden inputs in the form. An upload becomes one when filehub has confirmed it; until then, the form
 * cannot be submitted.
 */
export class FilehubUpload extends HTMLElement {
  static formAssociated = true;
  static observedAttributes = ["name", "required", "multiple", "aria-describedby"];

  // Old browsers lack it. The server checks everything again.
  #internals = this.attachInternals?.();
  /** @type {Row[]} */
  #rows = [];
  /** What the server has rendered. @type {Value[]} */
  #initial = [];
  /** Null until it is set up. @type {View|null} */
  #view = null;
  #isDisabled = this.hasAttribute("disabled");
  #listening = new AbortController();
  #formListening = new AbortController();
  #drawing = new Drawing(
    () => this.#draw(),
    () => DRAWING_INTERVAL,
  );
  /** @type {Announcer|null} */
  #announcer = null;

  // --- Properties, as form controls have them ------------------------------------------------------

  get name() {
    return this.getAttribute("name") ?? "";
  }

  set name(name) {
    this.setAttribute("name", name);
  }

  get type() {
    return this.localName;
  }

  get form() {
    return this.#internals?.form ?? this.closest("form");
  }

  /** @returns {string[]} the ids of the files */
  get values() {
    return this.#rows.flatMap(({ value }) => (value ? [value.id] : []));
  }

  /**
   * @override
   * @param {FocusOptions} [options]
   */
  focus(options) {
    this.#view?.button.focus(options);
  }

  // --- Life ------------------------------------------------------------------------------------------

  connectedCallback() {
    if (this.#view) this.#listen();
    else this.#setUp();
  }

  disconnectedCallback() {
    // One that is only moved is connected again at once.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#listening.abort();
      this.#drop(this.#rows.filter(({ upload }) => upload));
    });
  }

  attributeChangedCallback() {
    if (this.#view) this.#update();
    else this.#setUp();
  }

  /** @param {HTMLFormElement|null} form */
  formAssociatedCallback(form) {
    this.#formListening.abort();
    this.#formListening = new AbortController();
    // Before the listeners of scripts that send the form themselves.
    const options = { capture: true, signal: this.#formListening.signal };
    form?.addEventListener("submit", (event) => this.#holdBack(event), options);
  }

  /** @param {boolean} isDisabled by its own attribute or by a fieldset */
  formDisabledCallback(isDisabled) {
    this.#isDisabled = isDisabled;
    this.#update();
  }

  formResetCallback() {
    this.#drop(this.#rows);
    this.#view?.showProblem("");
    this.#restore();
  }

  #setUp() {
    // The empty form of a formset, which scripts copy. The copy gets a number.
    if (!this.isConnected || this.name.includes("__prefix__")) return;
    if (document.readyState === "loading") {
      // Its content may not have been parsed yet.
      document.addEventListener("DOMContentLoaded", () => this.#view || this.#setUp(), { once: true });
      return;
    }
    this.#initial = valuesIn(this);
    const view = new View(this, (files, problem) => this.#add(files, problem));
    this.#view = view;
    this.#announcer = new Announcer(view.status, () => this.#shared.uploader.totals);
    // A click on the label is a click on the element.
    this.addEventListener("click", ({ target }) => target === this && this.focus());
    this.#listen();
    this.#restore();
  }

  #listen() {
    this.#listening.abort();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const { uploader } = this.#shared;
    uploader.addEventListener("state", ({ detail }) => this.#stateChanged(detail), { signal });
    uploader.addEventListener("progress", () => this.#drawing.soon(), { signal });
  }

  #restore() {
    this.#append(this.#initial);
    this.#update();
  }

  // --- Files -----------------------------------------------------------------------------------------

  /**
   * @param {File[]} files
   * @param {string} problem what was left out; empty if nothing was
   */
  #add(files, problem) {
    if (this.#isDisabled) return;
    const isTooMany = !this.#isMultiple && files.length > 1;
    this.#view?.showProblem(isTooMany ? words.onlyOne : problem);
    if (isTooMany || files.length === 0) return;
    if (!this.#isMultiple) this.#drop(this.#rows.filter(({ upload }) => upload));
    this.#announcer?.say("added", files[0].name, { count: files.length });
    const { api, uploader } = this.#shared;
    api.useToken(this.#csrfToken);
    const { field } = this.dataset;
    const scope = `${location.pathname}#${this.name}`;
    const uploads = uploader.add(files.map((file) => ({ file, field, scope, limits: this.#limits })));
    this.#append(uploads);
    // Those that are refused before they are sent have their state already.
    for (const upload of uploads) this.#stateChanged(upload);
    this.#update();
  }

  /** @param {(Value|Upload)[]} contents */
  #append(contents) {
    const { maxSize } = this.#limits;
    const limits = { maxSize: maxSize < Infinity ? bytes(maxSize) : "", types: describeTypes(this.#types) };
    for (const content of contents) {
      const row = new Row(content, { limits, onAction: (...choice) => this.#act(...choice) });
      this.#rows.push(row);
      this.#view?.list.append(row.element);
    }
  }

  /** @param {Row[]} rows */
  #drop(rows) {
    for (const { upload, element } of rows) {
      if (upload) abandon(this.#shared.uploader, upload);
      element.remove();
    }
    this.#rows = this.#rows.filter((row) => !rows.includes(row));
  }

  /**
   * @param {Row} row
   * @param {Action} action
   */
  #act(row, action) {
    this.#view?.showProblem("");
    if (action === "retry" && row.upload) {
      this.#shared.api.useToken(this.#csrfToken);
      this.#shared.uploader.retry(row.upload);
      return;
    }
    const hadValue = row.value !== null;
    this.#drop([row]);
    this.#update();
    // Its button is gone.
    this.focus();
    this.#announcer?.note(words.removed(row.name));
    if (hadValue) this.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** @param {Upload} upload */
  #stateChanged(upload) {
    const row = this.#rows.find((each) => each.upload === upload);
    if (!row) return;
    if (upload.state === "stored") {
      this.#settle(row, upload);
    } else {
      if (upload.state === "failed" || upload.state === "rejected") {
        this.#announcer?.say(upload.state, row.name, { why: row.reason });
      }
      row.draw();
      this.#update();
    }
  }

  /**
   * @param {Row} row
   * @param {Upload} upload that is stored
   */
  #settle(row, upload) {
    const { uploader, api } = this.#shared;
    const { name, size } = upload;
    const id = upload.id ?? "";
    row.settle({ id, name, size, href: `${api.base}/files/${encodeURIComponent(id)}/download?redirect=1` });
    // Only now does it replace the file that was there before.
    if (!this.#isMultiple) this.#drop(this.#rows.filter((each) => each !== row));
    this.#view?.showProblem("");
    this.#update();
    this.#announcer?.say("stored", name);
    queueMicrotask(() => uploader.remove(upload));
    this.dispatchEvent(new Event("change", { bubbles: true }));
    this.dispatchEvent(new CustomEvent("filehub:stored", { bubbles: true, detail: { id, name, size } }));
  }

  // --- The form --------------------------------------------------------------------------------------

  /** @param {Event} event the form is being submitted: with `novalidate`, the browser has checked nothing */
  #holdBack(event) {
    const sentence = this.#isDisabled ? "" : this.#unfinished;
    if (!sentence || !this.#view) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.#view.showProblem(sentence);
    this.focus();
  }

  /** Why the form cannot be submitted without losing a file that was chosen; empty if it can. */
  get #unfinished() {
    const pending = this.#rows.find(({ isPending }) => isPending);
    if (pending) return words.notStored(pending.name);
    const failed = this.#rows.find(({ hasFailed }) => hasFailed);
    return failed ? words.notUploaded(failed.name) : "";
  }

  #update() {
    const view = this.#view;
    if (!view) return;
    const form = this.getAttribute("form");
    for (const row of this.#rows) row.bind({ name: this.name, form, isDisabled: this.#isDisabled });
    view.showChoice({
      isMultiple: this.#isMultiple,
      isDisabled: this.#isDisabled,
      hasFiles: this.#rows.length > 0,
      maxSize: this.#limits.maxSize,
      types: this.#types,
    });
    view.labelWith(this.#internals?.labels ?? []);
    this.#validate(view.button);
  }

  /** @param {HTMLElement} anchor where the browser shows the sentence */
  #validate(anchor) {
    const sentence = this.#unfinished;
    if (sentence) this.#internals?.setValidity({ customError: true }, sentence, anchor);
    else if (this.hasAttribute("required") && this.values.length === 0)
      this.#internals?.setValidity({ valueMissing: true }, words.required, anchor);
    else this.#internals?.setValidity({});
  }

  #draw() {
    for (const row of this.#rows) if (row.upload) row.draw();
  }

  // --- Attributes ------------------------------------------------------------------------------------

  get #isMultiple() {
    return this.hasAttribute("multiple");
  }

  /** The types as people know them. */
  get #types() {
    return listOf(this.dataset.types) ?? ["*"];
  }

  /** With all the names that browsers have for the types. @returns {Limits} */
  get #limits() {
    const { maxSize, acceptedTypes } = this.dataset;
    return { maxSize: Number(maxSize) || Infinity, allowedTypes: listOf(acceptedTypes) ?? this.#types };
  }

  /** @returns {Shared} */
  get #shared() {
    const { api = "/", csrfCookie = "csrftoken", csrfHeader = "X-CSRFToken", user = "" } = this.dataset;
    return shared({ base: api, csrfCookie, csrfHeader, user });
  }

  /** For sites whose scripts cannot read the cookie. */
  get #csrfToken() {
    const input = this.form?.querySelector("[name=csrfmiddlewaretoken]");
    return input instanceof HTMLInputElement ? input.value : "";
  }
}

/**
 * @param {HTMLElement} element as the server has rendered it, or a copy of an element
 * @returns {Value[]}
 */
function valuesIn(element) {
  const items = /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-id]"));
  return Array.from(items, (item) => {
    const link = item.querySelector("a");
    const { id = "", size, name } = item.dataset;
    return {
      id,
      name: name ?? (link ?? item).textContent?.trim() ?? "",
      size: size ? Number(size) : null,
      href: link?.getAttribute("href") ?? "",
    };
  });
}

/** @param {string} [text] types with commas between them */
function listOf(text) {
  return text?.trim() ? text.split(",").map((type) => type.trim()) : null;
}

if (!customElements.get("filehub-upload")) customElements.define("filehub-upload", FilehubUpload);
