import * as format from "../text/format.js";
import { explain, messages } from "../text/messages.js";
import { byId, findAll } from "../ui/elements.js";
import { collapse, fadeIn } from "../ui/motion.js";
import { Drawing, setText, setVisible } from "../ui/rendering.js";
import { Overall } from "./overall.js";
import { Thumbnails } from "./thumbnails.js";
import { UploadGroups } from "./upload-groups.js";
import { UploadRow } from "./upload-row.js";

/** @import { Upload, Uploader } from "../../client/index.js" */

/** @typedef {{max_size: number, allowed_types: string[]}} Limited */

/** The maximum number of rows, until the user asks for more. */
const ROWS = 60;
/** Milliseconds; text that changes more often cannot be read. */
const TEXT_EVERY = 500;
/** Milliseconds until the row of a stored upload is removed; by then the file is in the list below. */
const STORED_VISIBLE_FOR = 4_000;
/** With more uploads than this, rows of stored uploads are removed at once. */
const MANY = 50;
/** Milliseconds until another attempt to remove a row that the user points at or has focused. */
const CHECK_AGAIN = 1_000;
/** Milliseconds between drawings. In every frame a bar would not move more smoothly, but cost a tenth of a processor. */
const DRAW_EVERY = 100;
/** With more uploads in progress than this, nobody can follow each of them. */
const FEW = 10;
/** Milliseconds between drawings then. */
const CROWDED_EVERY = 250;
/** Animating more rows at the same time would flicker, and each of them costs a layout. */
const MAX_ANIMATED = 6;
/** Rows created per frame; creating all of them at once would delay it. */
const MAX_NEW_ROWS = 20;

/** The list of uploads. It displays an Uploader and calls it when a button is pressed. */
export class UploadList {
  #groups = new UploadGroups();
  /** @type {Map<Upload, UploadRow>} */
  #rows = new Map();
  /** Uploads that should have a row. @type {Set<Upload>} */
  #visibleUploads = new Set();
  /** Uploads whose state changed since the last frame. @type {Set<Upload>} */
  #changed = new Set();
  /** Uploads that progressed since the last frame. @type {Set<Upload>} */
  #progressing = new Set();
  /** Stored uploads whose rows can be removed. @type {Set<Upload>} */
  #leaving = new Set();
  #regrouped = false;
  #limit = ROWS;
  /** Whose row gets the focus when it is drawn. @type {Upload|null} */
  #toFocus = null;
  /** How many interrupted uploads the list above shows. */
  #interrupted = 0;
  #textAt = -Infinity;
  #timer = 0;
  #recheckTimer = 0;
  #drawing = new Drawing(
    (now) => this.#draw(now),
    () => (this.#uploader.totals.active > FEW ? CROWDED_EVERY : DRAW_EVERY),
  );
  #thumbnails = new Thumbnails();
  #overall;
  #uploader;
  #limits;
  /** Those of destinations, by name. @type {Map<string, ReturnType<typeof limitsOf>>} */
  #destinations;
  #section = byId("uploads-section");
  #list = byId("uploads");
  #template = byId("upload-row-template", HTMLTemplateElement);
  #footer = byId("uploads-more");
  #footerText = byId("uploads-more-text");
  #moreButton = byId("show-more-uploads");

  /**
   * @param {Uploader} uploader
   * @param {Limited & {destinations: (Limited & {name: string})[]}} config
   * @param {object} callbacks
   * @param {() => void} callbacks.onCancelAll
   * @param {(stored: number, notUploaded: number) => void} callbacks.onEnd called when all uploads have ended
   */
  constructor(uploader, config, { onCancelAll, onEnd }) {
    this.#uploader = uploader;
    this.#limits = limitsOf(config);
    this.#destinations = new Map(config.destinations.map((each) => [each.name, limitsOf(each)]));
    this.#overall = new Overall(uploader, this.#groups, {
      onCancelAll,
      onEnd,
      onClear: () => this.#clear(),
      onShowFailed: () => this.#rows.get(this.#groups.first("failed"))?.focus(),
    });

    uploader.addEventListener("add", ({ detail }) => this.#place(detail));
    uploader.addEventListener("state", ({ detail }) => this.#place(detail));
    uploader.addEventListener("progress", ({ detail }) => this.#progressed(detail));
    uploader.addEventListener("remove", ({ detail }) => this.#removed(detail));
    uploader.addEventListener("connection", () => this.#drawing.soon());
    this.#moreButton.addEventListener("click", () => this.#showMore());
    // Of a row or of the whole list: what it does is seen at once.
    this.#section.addEventListener("click", () => this.#drawing.atOnce());
  }

  get #isCrowded() {
    return this.#uploader.size > MANY;
  }

  /**
   * @param {Upload} upload that failed or was rejected
   * @returns {string} why, as a sentence
   */
  explain(upload) {
    return explain(upload.problem, this.#limitsFor(upload));
  }

  /** @param {Upload} upload */
  #limitsFor({ about }) {
    return this.#destinations.get(about.destination ?? "") ?? this.#limits;
  }

  /** @param {number} count of interrupted uploads, which have rows of their own */
  showInterrupted(count) {
    this.#interrupted = count;
    this.#overall.interrupted = count;
    this.#textAt = -Infinity;
    this.#drawing.soon();
  }

  /** @param {Upload} upload that takes the place of another row, which may have had the focus */
  focusRow(upload) {
    this.#toFocus = upload;
    this.#drawing.soon();
  }

  /** @param {Upload} upload */
  #place(upload) {
    if (this.#groups.update(upload)) this.#regrouped = true;
    this.#changed.add(upload);
    // An upload that was skipped stays, because the user may want to upload the file again.
    if (upload.state === "stored" && !upload.alreadyStored) {
      if (this.#isCrowded) {
        this.#leaving.add(upload);
      } else {
        setTimeout(() => this.#leave(upload), STORED_VISIBLE_FOR);
      }
    }
    this.#drawing.soon();
  }

  /** @param {Upload} upload */
  #progressed(upload) {
    this.#progressing.add(upload);
    this.#drawing.soon();
  }

  /** @param {Upload} upload */
  #removed(upload) {
    this.#groups.delete(upload);
    this.#regrouped = true;
    this.#drawing.soon();
  }

  /** @param {Upload} upload */
  #leave(upload) {
    this.#leaving.add(upload);
    this.#drawing.soon();
  }

  /** @param {number} now */
  #draw(now) {
    this.#removeStored();
    if (this.#regrouped) this.#arrange();
    const textIsDue = now >= this.#textAt + TEXT_EVERY;
    if (textIsDue) {
      this.#textAt = now;
      // All rows, because speed and time left change even without progress.
      for (const row of this.#rows.values()) row.draw(now);
      this.#overall.draw(now);
      this.#drawFooter();
    } else {
      for (const upload of this.#changed) this.#rows.get(upload)?.draw(now);
      for (const upload of this.#progressing) this.#rows.get(upload)?.drawBar();
      this.#overall.drawBar(now);
      this.#overall.drawControls();
    }
    this.#changed.clear();
    this.#progressing.clear();
    this.#showSection(now, textIsDue);
    if (this.#toFocus) this.#rows.get(this.#toFocus)?.focus();
    this.#toFocus = null;
  }

  #removeStored() {
    for (const upload of this.#leaving) {
      const row = this.#rows.get(upload);
      if (upload.state !== "stored") continue;
      if (row && isInUse(row)) {
        setTimeout(() => this.#leave(upload), CHECK_AGAIN);
      } else {
        this.#uploader.remove(upload);
      }
    }
    this.#leaving.clear();
  }

  /** Creates and removes rows to match the visible uploads. Rows that stay keep their order. */
  #arrange() {
    this.#regrouped = false;
    this.#list.toggleAttribute("data-crowded", this.#isCrowded);
    this.#visibleUploads = this.#groups.selectVisible(this.#limit, this.#rows.keys());
    const removed = [...this.#rows].filter(([upload]) => !this.#visibleUploads.has(upload));
    const added = [...this.#visibleUploads].filter((upload) => !this.#rows.has(upload));
    for (const [upload, row] of removed) {
      if (isInUse(row) && this.#groups.groupOf(upload)) {
        this.#recheckTimer ||= setTimeout(() => {
          this.#recheckTimer = 0;
          this.#rearrange();
        }, CHECK_AGAIN);
      } else {
        this.#removeRow(upload, row, this.#shouldAnimate(removed));
      }
    }
    for (const upload of added.slice(0, MAX_NEW_ROWS)) this.#rows.set(upload, this.#createRow(upload));
    this.#insertRows(this.#shouldAnimate(added));
    if (added.length > MAX_NEW_ROWS) this.#rearrange();
  }

  /** @param {unknown[]} rows that are added or removed */
  #shouldAnimate(rows) {
    return rows.length <= MAX_ANIMATED && !this.#isCrowded;
  }

  #rearrange() {
    this.#regrouped = true;
    this.#drawing.soon();
  }

  /** @param {Upload} upload */
  #createRow(upload) {
    const row = new UploadRow(this.#template, upload, this.#limitsFor(upload), {
      pause: () => this.#uploader.pause(upload),
      resume: () => this.#uploader.resume(upload),
      cancel: () => this.#uploader.cancel(upload),
      retry: () => this.#uploader.retry(upload),
      again: () => this.#uploader.uploadAgain(upload),
      dismiss: () => this.#uploader.remove(upload),
    });
    row.pinned = this.#groups.groupOf(upload) === "failed";
    this.#thumbnails.watch(row.tile, upload.file);
    return row;
  }

  /** @param {boolean} animate */
  #insertRows(animate) {
    const ordered = [...this.#rows].sort(
      ([a, rowA], [b, rowB]) => Number(rowB.pinned) - Number(rowA.pinned) || a.key - b.key,
    );
    /** @type {HTMLElement|null} */
    let next = null;
    for (const [, { element }] of ordered.reverse()) {
      if (!element.isConnected) {
        this.#list.insertBefore(element, next);
        if (animate) fadeIn(element);
      }
      next = element;
    }
  }

  /**
   * @param {Upload} upload
   * @param {UploadRow} row
   * @param {boolean} animate
   */
  async #removeRow(upload, { element, tile }, animate) {
    this.#rows.delete(upload);
    this.#thumbnails.unwatch(tile);
    if (element.contains(document.activeElement)) this.#focusAfter(element);
    if (animate) {
      element.dataset.leaving = "";
      await collapse(element);
      this.#drawing.soon();
    } else {
      element.remove();
    }
  }

  /** @param {HTMLElement} element */
  #focusAfter(element) {
    const elements = findAll(this.#list, ":scope > :not([data-leaving])");
    const index = elements.indexOf(element);
    const neighbour = elements[index + 1] ?? elements[index - 1];
    const row = [...this.#rows.values()].find((other) => other.element === neighbour);
    if (row) row.focus();
    else byId("uploads-heading").focus();
  }

  #drawFooter() {
    const hidden = Object.entries(this.#groups.countHidden(this.#visibleUploads)).filter(([, count]) => count > 0);
    const sum = hidden.reduce((total, [, count]) => total + count, 0);
    setVisible(this.#footer, sum > 0);
    if (sum === 0) return;
    setText(this.#footerText, hidden.map(([group, count]) => messages.hidden[group](count)).join(" "));
    setText(this.#moreButton, messages.showMore(Math.min(ROWS, sum)));
  }

  #showMore() {
    const before = new Set(this.#list.children);
    this.#limit += ROWS;
    this.#regrouped = true;
    this.#textAt = -Infinity;
    this.#draw(performance.now());
    const first = [...this.#list.children].find((element) => !before.has(element));
    [...this.#rows.values()].find(({ element }) => element === first)?.focus();
  }

  #clear() {
    for (const upload of this.#uploader.uploads) this.#uploader.remove(upload);
  }

  /**
   * @param {number} now
   * @param {boolean} isCurrent whether the text has just been drawn
   */
  #showSection(now, isCurrent) {
    const stays = this.#overall.visibleFor(now);
    const visible = this.#uploader.size > 0 || stays > 0 || this.#list.childElementCount + this.#interrupted > 0;
    if (!visible && !this.#section.hidden) {
      this.#limit = ROWS;
      if (this.#section.contains(document.activeElement)) byId("choose-files").focus();
    }
    setVisible(this.#section, visible);
    const wait = !isCurrent || this.#uploader.totals.active > 0 ? this.#textAt + TEXT_EVERY - now : stays;
    clearTimeout(this.#timer);
    if (wait > 0) this.#timer = setTimeout(() => this.#drawing.soon(), wait);
  }
}

/** @param {UploadRow} row */
function isInUse({ element }) {
  return element.matches(":hover, :focus-visible, :has(:focus-visible)");
}

/**
 * @param {Limited} limited
 * @returns what `explain` shows
 */
function limitsOf({ max_size, allowed_types }) {
  return { maxSize: format.bytes(max_size), types: allowed_types.join(", ") };
}
