/** Elements that have a use of their own for the space bar. */
const CONTROLS = "a[href], button, input, select, textarea, summary, audio, video, [role=button]";

/**
 * What a key does in the preview.
 * @param {KeyboardEvent} event
 * @returns {"next"|"previous"|"close"|null} null: what the browser does by itself. It closes the dialog on Escape.
 */
export function commandOf(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return null;
  const target = event.target instanceof Element ? event.target : null;
  switch (event.key) {
    case " ":
      return event.repeat || target?.closest(CONTROLS) ? null : "close";
    case "ArrowRight":
    case "ArrowLeft":
      if (seeks(target) || scrolls(target, "Width")) return null;
      return (event.key === "ArrowRight") === isLeftToRight(target) ? "next" : "previous";
    case "ArrowDown":
    case "ArrowUp":
      if (seeks(target) || scrolls(target, "Height")) return null;
      return event.key === "ArrowDown" ? "next" : "previous";
    default:
      return null;
  }
}

/** @param {Element|null} target */
function seeks(target) {
  return target?.closest("audio, video, input, select, textarea") != null;
}

/**
 * @param {Element|null} target
 * @param {"Width"|"Height"} dimension
 */
function scrolls(target, dimension) {
  const scroller = target?.closest("[data-scrolls]");
  return scroller != null && scroller[`scroll${dimension}`] > scroller[`client${dimension}`];
}

/** @param {Element|null} target */
function isLeftToRight(target) {
  return !target || getComputedStyle(target.ownerDocument.documentElement).direction !== "rtl";
}
