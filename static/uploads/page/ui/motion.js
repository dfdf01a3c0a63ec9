/** Whether nothing is animated: the user prefers less motion, or the browser cannot do it. */
export function prefersReducedMotion() {
  return !("animate" in Element.prototype) || matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * Fades an element out, closes the gap and removes it.
 * @param {HTMLElement} element
 */
export async function collapse(element) {
  if (!prefersReducedMotion()) {
    const height = `${element.offsetHeight}px`;
    const frames = [
      { opacity: 1, height, overflow: "clip" },
      { opacity: 0, height, overflow: "clip", offset: 0.5 },
      { opacity: 0, height: "0px", minHeight: "0px", paddingBlock: "0px", overflow: "clip" },
    ];
    // It settles even if the element is removed during the animation.
    await element.animate(frames, { duration: 360, easing: "ease-in-out" }).finished.catch(() => {});
  }
  element.remove();
}

/**
 * Fades an element in.
 * @param {HTMLElement} element
 */
export function fadeIn(element) {
  if (!prefersReducedMotion()) {
    const frames = [
      { opacity: 0, transform: "translateY(-6px)" },
      { opacity: 1, transform: "none" },
    ];
    element.animate(frames, { duration: 240, easing: "ease-out" });
  }
}
