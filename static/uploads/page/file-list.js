import { Confirmations } from "../client/confirmations.js";
import { confirmWith } from "./confirm-dialog.js";
import { ago, fullLocalTime } from "./format.js";
import { messages } from "./messages.js";
import { appear, vanish } from "./motion.js";

/** Uploads that are stored at almost the same time are fetched together. */
const GATHER = 150;
const FETCH_ATTEMPTS = 3;
const FETCH_AGAIN = 3_000;
const REFRESH_TIMES = 60_000;

/** The list of stored files: new ones arrive, deleted ones leave, without a reload. */
export class FileList {
  /** @type {Set<string>} */
  #deleting = new Set();
  /** @type {Set<string>} */
  #arriving = new Set();
  #timer = 0;
  #list = document.getElementById("files");
  #search = document.getElementById("search");
  #dialog = document.getElementById("confirm-dialog");
  #api;
  #announcer;
  #deletions;
  #onSessionEnded;
  #onListFailed;

  /**
   * @param {Api} api
   * @param {Announcer} announcer
   * @param {{onSessionEnded: () => void, onListFailed: () => void}} callbacks
   */
  constructor(api, announcer, { onSessionEnded, onListFailed }) {
    this.#api = api;
    this.#announcer = announcer;
    this.#onSessionEnded = onSessionEnded;
    this.#onListFailed = onListFailed;
    this.#deletions = new Confirmations({
      ask: (ids) => api.statuses(ids),
      settle: (id, status) => this.#settleDeletion(id, status),
      onSlow: (id) => this.#note(id, messages.deletingSlowly),
      onSessionEnded,
    });
    this.#list.addEventListener("click", (event) => this.#clicked(event));
    setInterval(() => this.#showTimes(), REFRESH_TIMES);
    this.#watchHtmx();
    this.refresh();
  }

  /**
   * Shows a file that has just been stored, unless a search hides it.
   * @param {string} id
   * @param {string} name
   */
  show(id, name) {
    if (!this.#matchesSearch(name)) return;
    this.#arriving.add(id);
    this.#timer ||= setTimeout(() => this.#fetchArriving(1), GATHER);
  }

  /** Brings rows that came from the server up to date with what this page knows. */
  refresh() {
    const seen = new Set();
    for (const row of this.#list.querySelectorAll("[data-file-row]")) {
      if (seen.has(row.dataset.id)) {
        row.remove();
      } else if (this.#deleting.has(row.dataset.id)) {
        markDeleting(row);
      }
      seen.add(row.dataset.id);
    }
    this.#showTimes();
  }

  async #fetchArriving(attempt) {
    this.#timer = 0;
    const ids = [...this.#arriving];
    this.#arriving.clear();
    try {
      const html = await this.#api.fragment(`${this.#list.dataset.rowsUrl}?ids=${ids.join(",")}`);
      this.#insert(html);
    } catch (error) {
      if (error.status === 401) {
        this.#onSessionEnded();
      } else if (attempt < FETCH_ATTEMPTS) {
        ids.forEach((id) => this.#arriving.add(id));
        this.#timer ||= setTimeout(() => this.#fetchArriving(attempt + 1), FETCH_AGAIN);
      }
    }
  }

  #insert(html) {
    const rows = [...parse(html).querySelectorAll("[data-file-row]")]
      // Asked at the last moment: a search or another answer may have changed the list meanwhile.
      .filter((row) => !this.#row(row.dataset.id) && this.#matchesSearch(row.dataset.name));
    if (rows.length === 0) return;
    this.#list.querySelector("[data-list-message]")?.remove();
    this.#list.prepend(...rows);
    this.#showTimes();
    rows.forEach((row) => {
      row.dataset.fresh = "";
      appear(row);
    });
  }

  /** The server searches for the beginning of the name, whatever its capitals. */
  #matchesSearch(name) {
    return fold(name).startsWith(fold(this.#search.value.trim()));
  }

  #clicked(event) {
    const button = event.target.closest("[data-delete]");
    if (button) {
      this.#delete(button.closest("[data-file-row]"));
    }
    if (event.target.closest("[data-clear-search]")) {
      // A navigation would interrupt the uploads.
      event.preventDefault();
      this.#search.value = "";
      this.#search.dispatchEvent(new Event("search", { bubbles: true }));
      this.#search.focus();
    }
  }

  async #delete(row) {
    const { id, name } = row.dataset;
    if (this.#deleting.has(id) || !(await confirmWith(this.#dialog, name))) return;
    this.#deleting.add(id);
    markDeleting(this.#row(id));
    try {
      await this.#api.remove(id);
      this.#deletions.add(id);
    } catch (error) {
      if (error.status === 404) {
        this.#deleted(id);
      } else {
        this.#deleteFailed(id, error);
      }
    }
  }

  #settleDeletion(id, status) {
    // A file that the server does not know is as gone as one that it calls deleted.
    if (status !== undefined && status.state !== "deleted") return false;
    this.#deleted(id);
    return true;
  }

  async #deleted(id) {
    this.#deleting.delete(id);
    const row = this.#row(id);
    if (!row) return;
    this.#announcer.say("deleted", row.dataset.name);
    if (row.contains(document.activeElement) || document.activeElement === document.body) {
      this.#focusAfter(row);
    }
    delete row.dataset.fileRow;
    await vanish(row);
    if (!this.#list.querySelector("[data-file-row], [data-more], [data-list-message]")) {
      await this.#reload();
    }
  }

  #deleteFailed(id, error) {
    this.#deleting.delete(id);
    const row = this.#row(id);
    if (row) {
      row.dataset.state = "stored";
      row.removeAttribute("aria-busy");
      row.querySelector("[data-delete]").removeAttribute("aria-disabled");
    }
    const sentence = error.message || messages.deleteFailed;
    this.#note(id, sentence);
    this.#announcer.say("problem", sentence);
    if (error.status === 401) this.#onSessionEnded();
  }

  #note(id, sentence) {
    const row = this.#row(id);
    if (row) note(row, sentence);
  }

  #focusAfter(row) {
    const rows = [...this.#list.querySelectorAll("[data-file-row]")];
    const index = rows.indexOf(row);
    const neighbour = rows[index + 1] ?? rows[index - 1];
    (neighbour?.querySelector("[data-delete]") ?? document.getElementById("files-heading")).focus();
  }

  /** The server knows which of its empty states fits. */
  async #reload() {
    const query = this.#search.value ? `?q=${encodeURIComponent(this.#search.value)}` : "";
    try {
      const content = parse(await this.#api.fragment(`${this.#list.dataset.homeUrl}${query}`));
      this.#list.replaceChildren(content);
      globalThis.htmx?.process(this.#list);
      this.refresh();
    } catch {
      // An empty list is not wrong, only less friendly.
    }
  }

  #watchHtmx() {
    this.#list.addEventListener("htmx:afterSwap", () => this.refresh());
    document.addEventListener("htmx:configRequest", ({ detail }) => {
      // An empty search is no search, also in the address bar.
      if (detail.parameters.q === "") delete detail.parameters.q;
    });
    document.addEventListener("htmx:beforeSwap", (event) => {
      const { xhr, requestConfig } = event.detail;
      const asked = new URL(requestConfig.path, location.href).pathname;
      // Without a session the answer is the login page, which does not belong into a list.
      if (xhr.responseURL && new URL(xhr.responseURL).pathname !== asked) {
        event.preventDefault();
        this.#onSessionEnded();
      }
    });
    for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
      document.addEventListener(failure, () => this.#onListFailed());
    }
  }

  #showTimes() {
    for (const element of this.#list.querySelectorAll("time")) {
      const time = new Date(element.dateTime);
      element.textContent = ago(time);
      element.title = fullLocalTime(time);
    }
  }

  #row(id) {
    return this.#list.querySelector(`[data-file-row][data-id="${CSS.escape(id)}"]`);
  }
}

function markDeleting(row) {
  if (!row) return;
  row.dataset.state = "deleting";
  row.setAttribute("aria-busy", "true");
  // Not `disabled`, which would throw the focus away.
  row.querySelector("[data-delete]").setAttribute("aria-disabled", "true");
  note(row, messages.deleting);
}

function note(row, sentence) {
  const element = row.querySelector("[data-field=note]");
  element.textContent = sentence;
  element.hidden = false;
}

/** Accents may be typed as one character or as two; the server does not tell them apart either. */
function fold(text) {
  return text.normalize("NFC").toLowerCase();
}

/** @param {string} html rendered by our server, which escapes names */
function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}
