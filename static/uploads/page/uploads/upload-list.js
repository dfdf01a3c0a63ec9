import * as format from "../text/format.js";
import { explain, messages } from "../text/messages.js";
import { oncePerFrame, setText, setVisible } from "../ui/drawing.js";
import { byId, findAll } from "../ui/elements.js";
import { appear, vanish } from "../ui/motion.js";
import { Overall } from "./overall.js";
import { Thumbnails } from "./thumbnails.js";
import { UploadGroups } from "./upload-groups.js";
import { UploadRow } from "./upload-row.js";

/** @import { Upload, Uploader } from "../../client/index.js" */

/** Rows on the page, however many uploads there are. */
const ROWS = 60;
/** Text that changes more often cannot be read. */
const TEXT_EVERY = 500;
/** How long a stored upload stays before its row leaves: by then the file is in the list below. */
const STORED_STAYS = 4_000;
/** With more uploads than this, one that is stored makes room at once. */
const MANY = 50;
/** A row that somebody points at, or has come to by keyboard, does not leave under their hands. */
const ASK_AGAIN = 1_000;
/** More rows that move at the same time are a flicker, and each of them costs a layout. */
const MOST_MOVING = 6;
/** Rows made in one frame; all of them at once would hold it up. */
const MOST_NEW = 20;

/** The uploads in progress. Reads an Uploader, and calls it when a button is pressed. */
export class UploadList {
  #groups = new UploadGroups();
  /** @type {Map<Upload, UploadRow>} */
  #rows = new Map();
  /** @type {Set<Upload>} those that are to be seen */
  #chosen = new Set();
  /** Uploads that entered another state since the last frame. @type {Set<Upload>} */
  #changed = new Set();
  /** Uploads that moved on since the last frame. @type {Set<Upload>} */
  #moved = new Set();
  /** @type {Set<Upload>} stored ones whose row may go */
  #leaving = new Set();
  #regrouped = false;
  #limit = ROWS;
  #textAt = -Infinity;
  #timer = 0;
  #askAgain = 0;
  #drawSoon = oncePerFrame((now) => this.#draw(now));
  #thumbnails = new Thumbnails();
  #overall;
  #uploader;
  #limits;
  #section = byId("uploads-section");
  #list = byId("uploads");
  #template = byId("upload-row-template", HTMLTemplateElement);
  #footer = byId("uploads-more");
  #footerText = byId("uploads-more-text");
  #moreButton = byId("show-more-uploads");

  /**
   * @param {Uploader} uploader
   * @param {{max_size: number, allowed_types: string[]}} config
   * @param {object} callbacks
   * @param {() => void} callbacks.onCancelAll
   * @param {(stored: number, notUploaded: number) => void} callbacks.onEnd nothing is on its way any more
   */
  constructor(uploader, config, { onCancelAll, onEnd }) {
    this.#uploader = uploader;
    this.#limits = { maxSize: format.bytes(config.max_size), types: config.allowed_types.join(", ") };
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
    uploader.addEventListener("connection", () => this.#drawSoon());
    this.#moreButton.addEventListener("click", () => this.#showMore());
  }

  /**
   * @param {Upload} upload one that failed or was rejected
   * @returns {string} why, in a sentence
   */
  explain(upload) {
    return explain(upload.problem, this.#limits);
  }

  /** @param {Upload} upload */
  #place(upload) {
    if (this.#groups.put(upload)) this.#regrouped = true;
    this.#changed.add(upload);
    // What was not sent again stays: somebody may want to do it all the same.
    if (upload.state === "stored" && !upload.alreadyStored) {
      if (this.#uploader.size > MANY) {
        this.#leaving.add(upload);
      } else {
        setTimeout(() => this.#leave(upload), STORED_STAYS);
      }
    }
    this.#drawSoon();
  }

  /** @param {Upload} upload */
  #progressed(upload) {
    this.#moved.add(upload);
    this.#drawSoon();
  }

  /** @param {Upload} upload */
  #removed(upload) {
    this.#groups.delete(upload);
    this.#regrouped = true;
    this.#drawSoon();
  }

  /** @param {Upload} upload */
  #leave(upload) {
    this.#leaving.add(upload);
    this.#drawSoon();
  }

  /** @param {number} now */
  #draw(now) {
    this.#letLeave();
    if (this.#regrouped) this.#arrange();
    const textIsDue = now >= this.#textAt + TEXT_EVERY;
    if (textIsDue) {
      this.#textAt = now;
      // All of them: speed and time left change also while nothing happens.
      for (const row of this.#rows.values()) row.draw(now);
      this.#overall.draw(now);
      this.#drawFooter();
    } else {
      for (const upload of this.#changed) this.#rows.get(upload)?.draw(now);
      for (const upload of this.#moved) this.#rows.get(upload)?.drawBar();
      this.#overall.drawBar(now);
      this.#overall.drawControls();
    }
    this.#changed.clear();
    this.#moved.clear();
    this.#showSection(now, textIsDue);
  }

  #letLeave() {
    for (const upload of this.#leaving) {
      const row = this.#rows.get(upload);
      if (upload.state !== "stored") continue;
      if (row && isHeld(row)) {
        setTimeout(() => this.#leave(upload), ASK_AGAIN);
      } else {
        this.#uploader.remove(upload);
      }
    }
    this.#leaving.clear();
  }

  /** Brings the rows in line with the uploads that are to be seen. Rows that stay keep their order. */
  #arrange() {
    this.#regrouped = false;
    this.#list.toggleAttribute("data-crowded", this.#uploader.size > MANY);
    this.#chosen = this.#groups.choose(this.#limit, this.#rows.keys());
    const going = [...this.#rows].filter(([upload]) => !this.#chosen.has(upload));
    const coming = [...this.#chosen].filter((upload) => !this.#rows.has(upload));
    for (const [upload, row] of going) {
      if (isHeld(row) && this.#groups.groupOf(upload)) {
        this.#askAgain ||= setTimeout(() => {
          this.#askAgain = 0;
          this.#rearrange();
        }, ASK_AGAIN);
      } else {
        this.#removeRow(upload, row, this.#isCalm(going));
      }
    }
    for (const upload of coming.slice(0, MOST_NEW)) this.#rows.set(upload, this.#createRow(upload));
    this.#insertRows(this.#isCalm(coming));
    if (coming.length > MOST_NEW) this.#rearrange();
  }

  /** @param {unknown[]} moving rows */
  #isCalm(moving) {
    return moving.length <= MOST_MOVING && this.#uploader.size <= MANY;
  }

  #rearrange() {
    this.#regrouped = true;
    this.#drawSoon();
  }

  /** @param {Upload} upload */
  #createRow(upload) {
    const row = new UploadRow(this.#template, upload, this.#limits, {
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

  /** @param {boolean} softly */
  #insertRows(softly) {
    const ordered = [...this.#rows].sort(
      ([a, rowA], [b, rowB]) => Number(rowB.pinned) - Number(rowA.pinned) || a.key - b.key,
    );
    /** @type {HTMLElement|null} */
    let next = null;
    for (const [, { element }] of ordered.reverse()) {
      if (!element.isConnected) {
        this.#list.insertBefore(element, next);
        if (softly) appear(element);
      }
      next = element;
    }
  }

  /**
   * @param {Upload} upload
   * @param {UploadRow} row
   * @param {boolean} softly
   */
  async #removeRow(upload, { element, tile }, softly) {
    this.#rows.delete(upload);
    this.#thumbnails.forget(tile);
    if (element.contains(document.activeElement)) this.#focusAfter(element);
    if (softly) {
      element.dataset.leaving = "";
      await vanish(element);
      this.#drawSoon();
    } else {
      element.remove();
    }
  }

  /** @param {HTMLElement} element */
  #focusAfter(element) {
    const elements = findAll(this.#list, ":scope > :not([data-leaving])");
    const index = elements.indexOf(element);
    const neighbour = elements[index + 1] ?? elements[index - 1];
    const row = [...this.#rows.values()].find((each) => each.element === neighbour);
    if (row) row.focus();
    else byId("uploads-heading").focus();
  }

  #drawFooter() {
    const hidden = Object.entries(this.#groups.countHidden(this.#chosen)).filter(([, count]) => count > 0);
    const sum = hidden.reduce((total, [, count]) => total + count, 0);
    setVisible(this.#footer, sum > 0);
    if (sum === 0) return;
    setText(this.#footerText, hidden.map(([group, count]) => messages.hidden[group](count)).join(" "));
    setText(this.#moreButton, messages.showMore(Math.min(ROWS, sum)));
  }

  #showMore() {
    const before = new Set(this.#rows.keys());
    this.#limit += ROWS;
    this.#regrouped = true;
    this.#textAt = -Infinity;
    this.#draw(performance.now());
    if (this.#footer.hidden) [...this.#rows].find(([upload]) => !before.has(upload))?.[1].focus();
  }

  #clear() {
    for (const upload of this.#uploader.uploads) this.#uploader.remove(upload);
  }

  /**
   * @param {number} now
   * @param {boolean} isCurrent the text has just been drawn
   */
  #showSection(now, isCurrent) {
    const stays = this.#overall.staysFor(now);
    const visible = this.#uploader.size > 0 || stays > 0 || this.#list.childElementCount > 0;
    if (!visible && !this.#section.hidden) {
      this.#limit = ROWS;
      if (this.#section.contains(document.activeElement)) byId("choose-files").focus();
    }
    setVisible(this.#section, visible);
    const wait = !isCurrent || this.#uploader.totals.active > 0 ? this.#textAt + TEXT_EVERY - now : stays;
    clearTimeout(this.#timer);
    if (wait > 0) this.#timer = setTimeout(this.#drawSoon, wait);
  }
}

/** @param {UploadRow} row */
function isHeld({ element }) {
  return element.matches(":hover, :focus-visible, :has(:focus-visible)");
}
