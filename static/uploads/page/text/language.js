/**
 * The global functions of Django's JavaScript catalogue.
 * @typedef {object} Catalogue
 * @property {(text: string) => string} gettext
 * @property {(one: string, many: string, count: number) => string} ngettext
 * @property {(sentence: string, values: Record<string, string>, named: boolean) => string} interpolate
 */

/**
 * Translates into the language of the page. Django's JavaScript catalogue is loaded before the modules; if that failed,
 * the page falls back to English.
 */
export const {
  gettext = (text) => text,
  ngettext = (one, many, count) => (count === 1 ? one : many),
  interpolate = (sentence, values) => sentence.replace(/%\((\w+)\)s/g, (_, name) => values[name]),
} = /** @type {typeof globalThis & Partial<Catalogue>} */ (globalThis);

export const language = globalThis.document?.documentElement.lang || "en";

const numbers = new Intl.NumberFormat(language);
const percents = new Intl.NumberFormat(language, { style: "percent" });
const lists = new Intl.ListFormat(language);

/**
 * @param {string} sentence with placeholders such as %(name)s
 * @param {Record<string, string>} values
 */
export function fill(sentence, values) {
  return interpolate(sentence, values, true);
}

/** @param {number} value */
export function number(value) {
  return numbers.format(value);
}

/**
 * Rounded down.
 * @param {number} part
 * @param {number} whole
 * @param {boolean} [isComplete] as for `portion`
 */
export function percent(part, whole, isComplete) {
  return percents.format(Math.floor(portion(part, whole, isComplete)) / 100);
}

/**
 * @param {number} part
 * @param {number} whole
 * @param {boolean} [isComplete] whether all has arrived. The numbers cannot tell: bytes count as sent when the network
 *   has them, and storage may not.
 * @returns {number} 0 to 99; 100 only if it is complete
 */
export function portion(part, whole, isComplete = false) {
  if (isComplete) return 100;
  return whole === 0 ? 0 : Math.min((part / whole) * 100, 99);
}

/** @param {string[]} names */
export function enumerate(names) {
  return lists.format(names);
}
