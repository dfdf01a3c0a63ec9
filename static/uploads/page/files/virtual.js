/** Lines that are drawn above and below those that are visible, so that scrolling shows them at once. */
const OVERSCAN = 8;
const OVERSCAN_OF_TILES = 2;

/**
 * @typedef {object} Geometry
 * @property {number} count items
 * @property {number} columns items beside each other
 * @property {number} lineHeight pixels from one line to the next
 * @property {number} top pixels of the list above the visible part; negative if there is other content above it
 * @property {number} height pixels of the visible part
 */

/**
 * Which items have to be drawn, and the space that the others take up.
 * @typedef {{from: number, to: number, before: number, after: number}} Section `to` is the index after the last item
 */

/**
 * @param {Geometry} geometry
 * @param {number} [overscan] lines
 * @returns {Section}
 */
export function sectionOf(
  { count, columns, lineHeight, top, height },
  overscan = columns > 1 ? OVERSCAN_OF_TILES : OVERSCAN,
) {
  const lines = Math.ceil(count / columns);
  const first = clamp(Math.floor(top / lineHeight) - overscan, 0, lines);
  const last = clamp(Math.ceil((top + height) / lineHeight) + overscan, first, lines);
  return {
    from: first * columns,
    to: Math.min(last * columns, count),
    before: first * lineHeight,
    after: (lines - last) * lineHeight,
  };
}

/**
 * @param {number} index of an item
 * @param {Geometry} geometry
 * @returns {number} pixels to scroll down so that its line is visible; 0 if it is
 */
export function scrollTo(index, { columns, lineHeight, top, height }) {
  const start = Math.floor(index / columns) * lineHeight;
  if (start < top) return start - top;
  return Math.max(start + lineHeight - (top + height), 0);
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
