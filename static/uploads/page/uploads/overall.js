import * as format from "../text/format.js";
import { interrupted } from "../text/interrupted.js";
import { percent, portion } from "../text/language.js";
import { messages } from "../text/messages.js";
import { confirmWith } from "../ui/confirm-dialog.js";
import { byId } from "../ui/elements.js";
import { showProgressInTitle } from "../ui/page-title.js";
import { setAttribute, setText, setVisible } from "../ui/rendering.js";
import { TimeLeft } from "./time-left.js";

/** @import { Uploader } from "../../client/index.js" */
/** @import { UploadGroups } from "./upload-groups.js" */

/** Milliseconds for which the panel stays visible after all uploads have finished. */
const FINISHED_VISIBLE_FOR = 6_000;

/** @typedef {Uploader["totals"]} Totals */
/** @typedef {"pause-all"|"resume-all"|"cancel-all"|"retry-all"|"clear-finished"} Control */

/** The overall progress of all uploads and the actions for all of them. Draws only when it is called. */
export class Overall {
  /** How many interrupted uploads are listed. They are not part of the progress. */
  interrupted = 0;
  #uploader;
  #groups;
  #panel = byId("overall");
  #bar = byId("overall-progress", HTMLProgressElement);
  #percent = byId("overall-percent");
  #detail = byId("overall-detail");
  #summary = byId("uploads-summary");
  #failed = byId("show-failed");
  /** @type {Record<Control, HTMLElement>} */
  #controls = {
    "pause-all": byId("pause-all"),
    "resume-all": byId("resume-all"),
    "cancel-all": byId("cancel-all"),
    "retry-all": byId("retry-all"),
    "clear-finished": byId("clear-finished"),
  };
  #dialog = byId("cancel-dialog", HTMLDialogElement);
  #timeLeft = new TimeLeft();
  #wasInProgress = false;
  #finishedAt = -Infinity;
  #onEnd;

  /**
   * @param {Uploader} uploader
   * @param {UploadGroups} groups
   * @param {object} callbacks
   * @param {() => void} callbacks.onCancelAll
   * @param {() => void} callbacks.onClear
   * @param {() => void} callbacks.onShowFailed
   * @param {(stored: number, notUploaded: number) => void} callbacks.onEnd called when all uploads have ended
   */
  constructor(uploader, groups, { onCancelAll, onClear, onShowFailed, onEnd }) {
    this.#uploader = uploader;
    this.#groups = groups;
    this.#onEnd = onEnd;
    this.#controls["pause-all"].addEventListener("click", () => uploader.pauseAll());
    this.#controls["resume-all"].addEventListener("click", () => uploader.resumeAll());
    this.#controls["retry-all"].addEventListener("click", () => uploader.retryAll());
    this.#controls["clear-finished"].addEventListener("click", onClear);
    this.#controls["cancel-all"].addEventListener("click", () => this.#cancelAll(onCancelAll));
    this.#failed.addEventListener("click", onShowFailed);
  }

  /**
   * The remaining milliseconds for which the panel stays visible; 0 unless all uploads have finished.
   * @param {number} now
   */
  visibleFor(now) {
    return Math.max(0, this.#finishedAt + FINISHED_VISIBLE_FOR - now);
  }

  /**
   * Draws the bar and the percentages. Cheap enough for every frame.
   * @param {number} now
   */
  drawBar(now) {
    const totals = this.#uploader.totals;
    const inProgress = totals.active + totals.paused + totals.confirming > 0;
    if (inProgress) {
      this.#finishedAt = -Infinity;
    } else if (this.#wasInProgress && totals.files > 1 && totals.stored > 0) {
      this.#finishedAt = now;
    }
    if (this.#wasInProgress && !inProgress && totals.files > 1)
      this.#onEnd(totals.stored, this.#groups.count("failed"));
    this.#wasInProgress = inProgress;
    setVisible(this.#panel, this.#hasSeveral(totals) && (inProgress || this.visibleFor(now) > 0));
    const isComplete = this.#isComplete(totals);
    this.#bar.value = portion(...progressOf(totals), isComplete);
    const sent = percent(...progressOf(totals), isComplete);
    // At the end, a number below 100% would look as if there were more to come.
    setText(this.#percent, inProgress || isComplete ? sent : "");
    showProgressInTitle(inProgress ? sent : "");
  }

  /**
   * Whether storage has every byte of every file, apart from cancelled and rejected ones.
   * @param {Totals} totals
   */
  #isComplete({ files, active, paused, unsent }) {
    return files > 0 && active + paused + unsent === 0 && !this.#uploader.busy;
  }

  /**
   * Draws everything. Must not be called for every frame, because text must not change faster than it can be read.
   * @param {number} now
   */
  draw(now) {
    this.drawBar(now);
    const totals = this.#uploader.totals;
    const sent = percent(...progressOf(totals), this.#isComplete(totals));
    setAttribute(this.#panel, "data-state", this.#stateOf(totals));
    const detail = this.#describe(totals, now);
    setText(this.#detail, detail);
    setAttribute(this.#bar, "aria-valuetext", messages.progressValue(sent, detail));
    this.#summarise(totals);
    this.drawControls();
  }

  /** Draws the buttons, without delay, because the user expects an immediate effect. */
  drawControls() {
    const totals = this.#uploader.totals;
    const { active, paused } = totals;
    const many = this.#hasSeveral(totals);
    const focused = document.activeElement;
    setVisible(this.#controls["pause-all"], many && active > 0);
    setVisible(this.#controls["resume-all"], many && paused > 0);
    setVisible(this.#controls["cancel-all"], many && active + paused > 0);
    setVisible(this.#controls["retry-all"], many && this.#groups.retryable > 0);
    const finished = this.#groups.count("stored") + this.#groups.count("cancelled") + this.#groups.count("failed");
    setVisible(this.#controls["clear-finished"], finished > 0);
    const buttons = Object.values(this.#controls);
    if (buttons.some((button) => button === focused && button.hidden)) {
      const next = buttons.find((button) => !button.hidden);
      (next ?? byId("uploads-heading")).focus();
    }
  }

  /** @param {Totals} totals */
  #stateOf({ active, paused, confirming }) {
    if (!this.#wasInProgress) return "stored";
    if (active === 0 && confirming === 0) return "paused";
    if (active === 0 && paused === 0) return "confirming";
    return "uploading";
  }

  /**
   * @param {Totals} totals
   * @param {number} now
   */
  #describe(totals, now) {
    const { active, confirming, stored, files, sent, bytes } = totals;
    if (!this.#wasInProgress) return messages.stored(stored, this.#groups.count("failed"));
    if (this.#isComplete(totals)) return messages.overall.confirming(confirming);
    const { online, rate, signedOut } = this.#uploader;
    const isTransferring = active > 0 && online && !signedOut;
    const left = this.#timeLeft.steady(isTransferring ? rate.secondsLeft(bytes - sent) : null, now);
    const parts = [messages.of(format.bytes(sent), format.bytes(bytes)), messages.overall.files(stored, files)];
    if (active === 0 && confirming === 0) parts.push(messages.overall.paused);
    else if (!online) parts.push(messages.overall.offline);
    else if (signedOut) parts.push(messages.overall.signedOut);
    if (isTransferring && rate.speed !== null && rate.speed >= 1) parts.push(format.speed(rate.speed));
    if (left !== null && sent < bytes) parts.push(messages.timeLeft(format.duration(left)));
    return parts.join(" · ");
  }

  /**
   * Shows the counts that the panel does not show.
   * @param {Totals} totals
   */
  #summarise(totals) {
    const panelHidden = this.#panel.hidden;
    const parts = [];
    if (panelHidden && totals.active > 0) parts.push(messages.summary.active(totals.active));
    if (totals.paused > 0) parts.push(messages.summary.paused(totals.paused));
    if (totals.confirming > 0) parts.push(messages.summary.confirming(totals.confirming));
    if (this.interrupted > 0) parts.push(interrupted.summary(this.interrupted));
    if (panelHidden && totals.stored > 0) parts.push(messages.summary.stored(totals.stored));
    setText(this.#summary, parts.join(" · "));
    const failed = this.#groups.count("failed");
    setVisible(this.#failed, failed > 0);
    setText(this.#failed, failed > 0 ? messages.showFailed(failed) : "");
    setVisible(/** @type {HTMLElement} */ (this.#summary.parentElement), parts.length > 0 || failed > 0);
  }

  /**
   * Whether there are several files; the row of a single file shows everything.
   * @param {Totals} totals
   */
  #hasSeveral({ files }) {
    return Math.max(files, this.#uploader.size) > 1;
  }

  /** @param {() => void} onCancelAll */
  async #cancelAll(onCancelAll) {
    const { active, paused } = this.#uploader.totals;
    const count = active + paused;
    if (count > 1 && !(await confirmWith(this.#dialog, messages.cancelAll(count)))) return;
    onCancelAll();
    this.#uploader.cancelAll();
  }
}

/**
 * Counts files instead of bytes if all files are empty.
 * @param {Totals} totals
 * @returns {[part: number, whole: number]}
 */
function progressOf({ sent, bytes, stored, confirming, files }) {
  return bytes > 0 ? [sent, bytes] : [stored + confirming, files];
}
