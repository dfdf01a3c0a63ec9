/** A page that nobody sees gets no frames. */
const UNSEEN = 500;

/**
 * @param {(now: number) => void} draw
 * @returns {() => void} asks for one call of `draw` with the next frame, however often it is called
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
    timer ||= setTimeout(run, UNSEEN);
  };
}

// What follows leaves the element alone when nothing changes: a change that is none still costs the browser work.

/**
 * @param {Element} element with nothing but text in it
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
