import * as format from "../text/format.js";
import { percent } from "../text/language.js";
import { messages } from "../text/messages.js";
import { confirmWith } from "../ui/confirm-dialog.js";
import { setAttribute, setText, setVisible } from "../ui/drawing.js";
import { TimeLeft } from "./time-left.js";

/** How long “all stored” stays. */
const END_STAYS = 6_000;

const byId = (id) => document.getElementById(id);

/** All uploads together: how far they are, and what can be done with all of them. Draws when it is told to. */
export class Overall {
  #uploader;
  #groups;
  #panel = byId("overall");
  #bar = byId("overall-progress");
  #percent = byId("overall-percent");
  #detail = byId("overall-detail");
  #summary = byId("uploads-summary");
  #failed = byId("show-failed");
  #controls = Object.fromEntries(
    ["pause-all", "resume-all", "cancel-all", "retry-all", "clear-finished"].map((id) => [id, byId(id)]),
  );
  #dialog = byId("cancel-dialog");
  #timeLeft = new TimeLeft();
  #title = document.title;
  #wasUnderWay = false;
  #endedAt = -Infinity;
  #onEnd;

  /**
   * @param {Uploader} uploader
   * @param {UploadGroups} groups
   * @param {object} callbacks
   * @param {() => void} callbacks.onCancelAll
   * @param {() => void} callbacks.onClear
   * @param {() => void} callbacks.onShowFailed
   * @param {(stored: number, notUploaded: number) => void} callbacks.onEnd nothing is on its way any more
   */
  constructor(uploader, groups, { onCancelAll, onClear, onShowFailed, onEnd }) {
    this.#uploader = uploader;
    this.#groups = groups;
    this.#onEnd = onEnd;
    this.#on("pause-all", () => uploader.pauseAll());
    this.#on("resume-all", () => uploader.resumeAll());
    this.#on("retry-all", () => uploader.retryAll());
    this.#on("clear-finished", onClear);
    this.#on("cancel-all", () => this.#cancelAll(onCancelAll));
    this.#failed.addEventListener("click", onShowFailed);
  }

  /** Milliseconds for which “all stored” is still to be seen; 0 when it is not. */
  staysFor(now) {
    return Math.max(0, this.#endedAt + END_STAYS - now);
  }

  /**
   * Cheap enough for every frame.
   * @param {number} now
   */
  drawBar(now) {
    const totals = this.#uploader.totals;
    const underWay = totals.active + totals.paused + totals.confirming > 0;
    if (underWay) {
      this.#endedAt = -Infinity;
    } else if (this.#wasUnderWay && totals.files > 1 && totals.stored > 0) {
      this.#endedAt = now;
    }
    if (this.#wasUnderWay && !underWay && totals.files > 1) this.#onEnd(totals.stored, this.#groups.count("failed"));
    this.#wasUnderWay = underWay;
    setVisible(this.#panel, this.#isOfMany(totals) && (underWay || this.staysFor(now) > 0));
    this.#bar.value = progressOf(totals);
  }

  /**
   * Text must stand still long enough to be read.
   * @param {number} now
   */
  draw(now) {
    this.drawBar(now);
    const totals = this.#uploader.totals;
    const sent = percent(...amountOf(totals));
    const state = !this.#wasUnderWay
      ? "stored"
      : totals.active === 0 && totals.confirming === 0
        ? "paused"
        : totals.active === 0 && totals.paused === 0
          ? "confirming"
          : "uploading";
    setAttribute(this.#panel, "data-state", state);
    setText(this.#percent, sent);
    const detail = this.#describe(totals, now);
    setText(this.#detail, detail);
    setAttribute(this.#bar, "aria-valuetext", messages.progressValue(sent, detail));
    this.#summarise(totals);
    this.drawControls();
    const title = this.#wasUnderWay ? messages.overall.title(sent, this.#title) : this.#title;
    if (document.title !== title) document.title = title;
  }

  /** At once: whoever pressed a button waits for its effect. */
  drawControls() {
    const totals = this.#uploader.totals;
    const { active, paused } = totals;
    const many = this.#isOfMany(totals);
    const focused = document.activeElement;
    setVisible(this.#controls["pause-all"], many && active > 0);
    setVisible(this.#controls["resume-all"], many && paused > 0);
    setVisible(this.#controls["cancel-all"], many && active + paused > 0);
    setVisible(this.#controls["retry-all"], many && this.#groups.retryable > 0);
    const finished = ["stored", "cancelled", "failed"].some((group) => this.#groups.count(group) > 0);
    setVisible(this.#controls["clear-finished"], finished);
    if (Object.values(this.#controls).includes(focused) && focused.hidden) {
      const next = Object.values(this.#controls).find((button) => !button.hidden);
      (next ?? byId("uploads-heading")).focus();
    }
  }

  #describe(totals, now) {
    const { active, paused, confirming, stored, files, sent, bytes } = totals;
    if (!this.#wasUnderWay) return messages.stored(stored, this.#groups.count("failed"));
    if (active === 0 && paused === 0) return messages.overall.confirming(confirming);
    const { online, rate } = this.#uploader;
    const moves = active > 0 && online;
    const left = this.#timeLeft.steady(moves ? rate.secondsLeft(bytes - sent) : null, now);
    const facts = [messages.of(format.bytes(sent), format.bytes(bytes)), messages.overall.files(stored, files)];
    if (active === 0 && confirming === 0) facts.push(messages.overall.paused);
    else if (!online) facts.push(messages.overall.offline);
    if (moves && rate.speed >= 1) facts.push(format.speed(rate.speed));
    if (left !== null && sent < bytes) facts.push(messages.timeLeft(format.duration(left)));
    return facts.join(" · ");
  }

  /** What the bar does not say. */
  #summarise(totals) {
    const alone = this.#panel.hidden;
    const facts = [];
    if (alone && totals.active > 0) facts.push(messages.summary.active(totals.active));
    if (totals.paused > 0) facts.push(messages.summary.paused(totals.paused));
    if (totals.confirming > 0) facts.push(messages.summary.confirming(totals.confirming));
    if (alone && totals.stored > 0) facts.push(messages.summary.stored(totals.stored));
    setText(this.#summary, facts.join(" · "));
    const failed = this.#groups.count("failed");
    setVisible(this.#failed, failed > 0);
    setText(this.#failed, failed > 0 ? messages.showFailed(failed) : "");
    setVisible(this.#summary.parentElement, facts.length > 0 || failed > 0);
  }

  /** For a single file its row says and offers everything. */
  #isOfMany({ files }) {
    return Math.max(files, this.#uploader.size) > 1;
  }

  async #cancelAll(onCancelAll) {
    const { active, paused } = this.#uploader.totals;
    const count = active + paused;
    if (count > 1 && !(await confirmWith(this.#dialog, messages.cancelAll(count)))) return;
    onCancelAll();
    this.#uploader.cancelAll();
  }

  #on(id, action) {
    this.#controls[id].addEventListener("click", action);
  }
}

/** Empty files have no bytes to count. */
function amountOf({ sent, bytes, stored, confirming, files }) {
  return bytes > 0 ? [sent, bytes] : [stored + confirming, files];
}

function progressOf(totals) {
  const [part, whole] = amountOf(totals);
  return whole > 0 ? (part / whole) * 100 : 0;
}
