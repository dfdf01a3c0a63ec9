/** Whether the visitor asked for less movement. */
export function isCalm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * Fades an element, closes the gap and removes it.
 * @param {HTMLElement} element
 */
export async function vanish(element) {
  if (!isCalm()) {
    const height = `${element.offsetHeight}px`;
    const frames = [
      { opacity: 1, height, overflow: "clip" },
      { opacity: 0, height, overflow: "clip", offset: 0.5 },
      { opacity: 0, height: "0px", minHeight: "0px", paddingBlock: "0px", overflow: "clip" },
    ];
    // It settles in every case, also when the element is taken away under it.
    await element.animate(frames, { duration: 360, easing: "ease-in-out" }).finished.catch(() => {});
  }
  element.remove();
}

/**
 * Lets an element arrive softly.
 * @param {HTMLElement} element
 */
export function appear(element) {
  if (!isCalm()) {
    const frames = [
      { opacity: 0, transform: "translateY(-6px)" },
      { opacity: 1, transform: "none" },
    ];
    element.animate(frames, { duration: 240, easing: "ease-out" });
  }
}
