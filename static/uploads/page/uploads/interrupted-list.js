import { ApiError, HandleError } from "../../client/index.js";
import { handleOf } from "../intake/handles.js";
import { pickWith } from "../intake/picker.js";
import { interrupted } from "../text/interrupted.js";
import { byId } from "../ui/elements.js";
import { setVisible } from "../ui/rendering.js";
import { InterruptedRow } from "./interrupted-row.js";

/** @import { UnfinishedUpload, Upload, Uploader } from "../../client/index.js" */
/** @import { Announcer } from "../ui/announcer.js" */
/** @import { Problem } from "../text/interrupted.js" */

/** Milliseconds after which another tab that ended, or that continued an upload, is noticed. */
const REFRESH_EVERY = 3_000;

/** The rows of the uploads that a reload or a crash has interrupted. */
export class InterruptedList {
  /** By the id of the upload. @type {Map<string, InterruptedRow>} */
  #rows = new Map();
  /** Ids that were announced. @type {Set<string>} */
  #announced = new Set();
  #list = byId("interrupted");
  #template = byId("interrupted-row-template", HTMLTemplateElement);
  #unfinished;
  #uploader;
  #announcer;
  #callbacks;

  /**
   * @param {Uploader} uploader
   * @param {Announcer} announcer
   * @param {object} callbacks
   * @param {() => void} callbacks.onChange called when there are more or fewer rows
   * @param {(upload: Upload) => void} callbacks.onContinue called when an upload replaces its row
   */
  constructor(uploader, announcer, callbacks) {
    this.#uploader = uploader;
    this.#unfinished = uploader.unfinished;
    this.#announcer = announcer;
    this.#callbacks = callbacks;
    this.#unfinished.addEventListener("change", () => this.#draw());
    this.#refresh();
    setInterval(() => this.#refresh(), REFRESH_EVERY);
    document.addEventListener("visibilitychange", () => this.#refresh());
  }

  get size() {
    return this.#rows.size;
  }

  #refresh() {
    if (document.visibilityState === "visible") this.#unfinished.refresh();
  }

  #draw() {
    const { items } = this.#unfinished;
    const ids = new Set(items.map(({ id }) => id));
    for (const [id, row] of this.#rows) if (!ids.has(id)) this.#removeRow(id, row);
    for (const item of items) {
      const row = this.#rows.get(item.id);
      if (row) row.item = item;
      else this.#addRow(item);
    }
    setVisible(this.#list, this.#rows.size > 0);
    this.#announce(items);
    this.#callbacks.onChange();
  }

  /** @param {UnfinishedUpload} item */
  #addRow(item) {
    const row = new InterruptedRow(this.#template, item);
    this.#rows.set(item.id, row);
    row.button("continue").addEventListener("click", () => this.#continue(row));
    row.button("new").addEventListener("click", () => this.#uploadAsNew(row));
    row.button("remove").addEventListener("click", () => this.#remove(row));
    pickWith(row.button("choose"), row.input, ([file]) => this.#compare(row, file));
    this.#list.append(row.element);
  }

  /**
   * @param {string} id
   * @param {InterruptedRow} row
   */
  #removeRow(id, { element }) {
    const next = element.nextElementSibling ?? element.previousElementSibling;
    const hadFocus = element.contains(document.activeElement);
    this.#rows.delete(id);
    element.remove();
    if (!hadFocus) return;
    const neighbour = [...this.#rows.values()].find((row) => row.element === next);
    if (neighbour) neighbour.focus();
    else byId("choose-files").focus();
  }

  /** @param {UnfinishedUpload[]} items */
  #announce(items) {
    const added = items.filter(({ id }) => !this.#announced.has(id));
    for (const { id } of added) this.#announced.add(id);
    if (added.length > 0) this.#announcer.note(interrupted.announce(items.length));
  }

  /**
   * Continues with the file of an earlier visit.
   * @param {InterruptedRow} row
   */
  async #continue(row) {
    try {
      await this.#compare(row, await this.#unfinished.open(row.item));
    } catch (error) {
      if (!(error instanceof HandleError)) throw error;
      this.#explain(row, error.code, row.item.path);
    }
  }

  /**
   * Continues if it is the right file.
   * @param {InterruptedRow} row
   * @param {File} file
   */
  async #compare(row, file) {
    row.enter("checking");
    let matches = false;
    try {
      matches = await this.#unfinished.matches(row.item, file);
    } catch {
      this.#explain(row, "file_unreadable", file.name);
      return;
    }
    // It may have been continued in another way meanwhile.
    if (!this.#rows.has(row.item.id)) return;
    if (matches) {
      this.#callbacks.onContinue(this.#unfinished.continue(row.item, file, handleOf(file)));
    } else {
      const hasSameName = file.name === row.item.path.split("/").pop();
      this.#explain(row, hasSameName ? "file_changed" : "another_file", file.name, file);
    }
  }

  /**
   * @param {InterruptedRow} row
   * @param {Problem} problem
   * @param {string} name of the chosen file
   * @param {File|null} [other] the chosen file, if it can be uploaded as a new one
   */
  #explain(row, problem, name, other = null) {
    const sentence = interrupted.problem[problem](name);
    row.explain(sentence, { mustChoose: true, other });
    this.#announcer.note(sentence);
  }

  /** @param {InterruptedRow} row */
  #uploadAsNew(row) {
    const { other } = row;
    if (!other) return;
    const path = other.name === row.item.path.split("/").pop() ? row.item.path : other.name;
    const [upload] = this.#uploader.add([{ file: other, path, handle: handleOf(other) }]);
    row.explain("");
    this.#callbacks.onContinue(upload);
  }

  /** @param {InterruptedRow} row */
  async #remove(row) {
    const { path } = row.item;
    row.enter("removing");
    try {
      const outcome = await this.#unfinished.remove(row.item);
      if (outcome !== "taken") this.#announcer.note(interrupted[outcome](path));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const sentence = interrupted.notRemoved(error);
      row.explain(sentence);
      this.#announcer.note(sentence);
    }
  }
}
