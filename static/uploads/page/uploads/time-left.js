/** Seconds in which the displayed time takes over most of a new estimate. */
const SETTLING = 8;
/** Seconds; a measurement over half a minute cannot predict more. */
const LONGEST = 7 * 24 * 3600;
/** How far the time must be past the middle between two steps before the other one is displayed, in steps. */
const RELUCTANCE = 0.25;
/** An estimate that differs by this factor is not approached: every value in between would be wrong. */
const WRONG = 3;
/** Seconds for which estimates must agree before they replace one that was wrong. */
const TRIAL = 3;
/** By how much they may differ, as a part of the first. */
const TRIAL_TOLERANCE = 0.25;

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** Up to this many seconds left, the display changes in these steps: the further away the end is, the coarser. */
const STEPS = [
  { below: 10, step: 1 },
  { below: 100, step: 5 },
  { below: 10 * MINUTE, step: MINUTE },
  { below: 100 * MINUTE, step: 5 * MINUTE },
  { below: 48 * HOUR, step: HOUR },
  { below: Infinity, step: 24 * HOUR },
];

/** A remaining time that counts down steadily and approaches the estimate, instead of following each change of it. */
export class TimeLeft {
  /** Seconds. @type {number|null} */
  #left = null;
  /** The estimate that may replace one that was wrong. @type {{seconds: number, time: number}|null} */
  #trial = null;
  /** Seconds, rounded. */
  #shown = 0;
  #time = 0;

  /**
   * @param {number|null} seconds the current estimate; null while there is none
   * @param {number} now milliseconds
   * @returns {number|null} seconds to display, rounded; null while that would be a guess
   */
  steady(seconds, now) {
    const passed = (now - this.#time) / 1000;
    this.#time = now;
    if (seconds === null || seconds > LONGEST) {
      this.#left = this.#trial = null;
      return null;
    }
    if (this.#trial) return this.#tryOut(this.#trial, seconds, now);
    if (this.#left === null) return this.#start(seconds);
    const expected = Math.max(0, this.#left - passed);
    if (isWrong(expected, seconds)) {
      this.#left = null;
      this.#trial = { seconds, time: now };
      return null;
    }
    this.#left = expected + (seconds - expected) * (1 - Math.exp(-passed / SETTLING));
    this.#shown = this.#roundedReluctantly(this.#left);
    return this.#shown;
  }

  /** @param {number} seconds */
  #start(seconds) {
    this.#trial = null;
    this.#left = seconds;
    this.#shown = rounded(seconds);
    return this.#shown;
  }

  /**
   * @param {{seconds: number, time: number}} trial
   * @param {number} seconds
   * @param {number} now
   */
  #tryOut(trial, seconds, now) {
    const passed = (now - trial.time) / 1000;
    if (Math.abs(seconds + passed - trial.seconds) > TRIAL_TOLERANCE * trial.seconds) {
      this.#trial = { seconds, time: now };
    } else if (passed >= TRIAL) {
      return this.#start(seconds);
    }
    return null;
  }

  /** @param {number} seconds */
  #roundedReluctantly(seconds) {
    const stays = Math.abs(seconds - this.#shown) < stepAt(seconds) * (0.5 + RELUCTANCE);
    return stays ? this.#shown : rounded(seconds);
  }
}

/** @param {number} seconds */
function rounded(seconds) {
  const step = stepAt(seconds);
  return Math.max(1, Math.round(seconds / step) * step);
}

/** @param {number} seconds */
function stepAt(seconds) {
  const { step } = STEPS.find(({ below }) => seconds < below) ?? STEPS[0];
  return step;
}

/**
 * @param {number} expected
 * @param {number} seconds
 */
function isWrong(expected, seconds) {
  return seconds > WRONG * expected + MINUTE || expected > WRONG * seconds + MINUTE;
}
