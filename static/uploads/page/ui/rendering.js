/** Milliseconds between drawings of a hidden page, which gets no animation frames. */
const HIDDEN_PAGE_DELAY = 500;

/**
 * @param {(now: number) => void} draw
 * @returns {() => void} schedules one call of `draw` for the next frame, however often it is called
 */
export function oncePerFrame(draw) {
  let frame = 0;
  let timer = 0;
  const run = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = timer = 0;
    draw(performance.now());
  };
  return () => {
    frame ||= requestAnimationFrame(run);
    timer ||= setTimeout(run, HIDDEN_PAGE_DELAY);
  };
}

// These functions leave the element alone if nothing changes, because setting the same value costs the browser work.

/**
 * @param {Element} element that contains only text
 * @param {string} text
 */
export function setText(element, text) {
  const node = element.firstChild;
  if (node === null) {
    element.append(text);
  } else if (node.nodeValue !== text) {
    node.nodeValue = text;
  }
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string} value
 */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * @param {HTMLElement} element
 * @param {boolean} visible
 */
export function setVisible(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}
