import { language } from "./language.js";
import { messages } from "./messages.js";

const sizes = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const shortDate = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });
const utcTime = new Intl.DateTimeFormat(language, {
  dateStyle: "short",
  timeStyle: "long",
  timeZone: "UTC",
});
const fullTime = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const durations = Object.fromEntries(
  ["second", "minute", "hour", "day"].map((unit) => [
    unit,
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }),
  ]),
);

/**
 * Like `file_size` in uploads/core/texts.py, so that sizes look the same whether the server or a script writes them.
 * tests/shared/sizes.json has the cases that both must agree on.
 * @param {number} count bytes
 */
export function bytes(count) {
  let unit = 0;
  let value = count;
  while (value >= 1000 && unit < messages.size.length - 1) {
    unit += 1;
    value = rounded(count, 1000 ** unit);
  }
  return messages.size[unit](sizes.format(value), value).replace(" ", "\u00a0");
}

/**
 * One decimal below 100, none above.
 * @param {number} count bytes
 * @param {number} factor bytes of the unit
 */
function rounded(count, factor) {
  return count >= 100 * factor ? Math.round(count / factor) : Math.round(count / (factor / 10)) / 10;
}

/** @param {number} bytesPerSecond */
export function speed(bytesPerSecond) {
  return messages.speed(bytes(bytesPerSecond));
}

/**
 * Rough on purpose: an estimate of an hour is not accurate to the second.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 100) return durations.second.format(Math.max(1, Math.round(seconds)));
  if (seconds < 100 * MINUTE) return durations.minute.format(Math.round(seconds / MINUTE));
  if (seconds < 2 * DAY) return durations.hour.format(Math.round(seconds / HOUR));
  return durations.day.format(Math.round(seconds / DAY));
}

/**
 * @param {Date} time
 * @param {Date} [now]
 */
export function ago(time, now = new Date()) {
  const seconds = (now.getTime() - time.getTime()) / 1000;
  if (seconds < MINUTE) return messages.justNow;
  if (seconds < HOUR) return relative.format(-Math.floor(seconds / MINUTE), "minute");
  if (seconds < DAY) return relative.format(-Math.floor(seconds / HOUR), "hour");
  if (seconds < 7 * DAY) return relative.format(-Math.floor(seconds / DAY), "day");
  return shortDate.format(time);
}

/**
 * @param {Date} time
 * @returns {string} for a tooltip: the local time, and UTC
 */
export function localTimeAndUtc(time) {
  return `${fullTime.format(time)}\n${utcTime.format(time)}`;
}

/** @param {Date} time */
export function localDate(time) {
  return shortDate.format(time);
}
