import { language } from "./language.js";
import { messages } from "./messages.js";

const oneDecimal = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const shortDate = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });
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
 * Like Django's filesizeformat, so that sizes look the same whether the server or a script writes them.
 * @param {number} count bytes
 */
export function bytes(count) {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < messages.size.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text = messages.size[unit]((unit === 0 ? whole : oneDecimal).format(value), Math.round(value));
  return text.replace(" ", "\u00a0");
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

/** @param {Date} time */
export function fullLocalTime(time) {
  return fullTime.format(time);
}
