import { messages } from "./messages.js";

const language = globalThis.document?.documentElement.lang || "en";
const oneDecimal = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(language);
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const shortDate = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });
const fullTime = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });

const UNITS = ["bytes", "KB", "MB", "GB", "TB", "PB"];
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * Like Django's filesizeformat, so that a size reads the same wherever it was written.
 * @param {number} count bytes
 */
export function bytes(count) {
  let unit = 0;
  while (count >= 1024 && unit < UNITS.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${whole.format(Math.round(count))}\u00a0${UNITS[0]}` : `${oneDecimal.format(count)}\u00a0${UNITS[unit]}`;
}

/** @param {number} bytesPerSecond */
export function speed(bytesPerSecond) {
  return messages.speed(bytes(bytesPerSecond));
}

/**
 * Rough on purpose: a time left that counts every second of an hour is not believed.
 * @param {number} seconds
 */
export function duration(seconds) {
  const [value, unit] =
    seconds < 100 ? [Math.max(1, Math.round(seconds)), "second"]
    : seconds < 100 * MINUTE ? [Math.round(seconds / MINUTE), "minute"]
    : seconds < 2 * DAY ? [Math.round(seconds / HOUR), "hour"]
    : [Math.round(seconds / DAY), "day"];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(value);
}

/**
 * @param {Date} time
 * @param {Date} [now]
 */
export function ago(time, now = new Date()) {
  const seconds = (now - time) / 1000;
  if (seconds < MINUTE) return messages.justNow;
  if (seconds < HOUR) return relative.format(-Math.floor(seconds / MINUTE), "minute");
  if (seconds < DAY) return relative.format(-Math.floor(seconds / HOUR), "hour");
  if (seconds < 7 * DAY) return relative.format(-Math.floor(seconds / DAY), "day");
  return shortDate.format(time);
}

/** @param {Date} time */
export function fullLocalTime(time) {
  return fullTime.format(time);
}
