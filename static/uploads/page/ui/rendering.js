/** Milliseconds between drawings of a hidden page, which gets no animation frames. */
const HIDDEN_PAGE_DELAY = 500;

/** Draws in animation frames: once for all changes since the last one. */
export class Drawing {
  #draw;
  #pause;
  #frame = 0;
  #timer = 0;
  #drawnAt = -Infinity;

  /**
   * @param {(now: number) => void} draw
   * @param {() => number} [pause] returns the milliseconds that the next drawing has to wait after the last one: each
   *   costs the browser several milliseconds, however little changes
   */
  constructor(draw, pause = () => 0) {
    this.#draw = draw;
    this.#pause = pause;
  }

  /** Something changed. However often it is called, it draws once. */
  soon() {
    if (this.#frame || this.#timer) return;
    const wait = this.#drawnAt + this.#pause() - performance.now();
    if (wait > 0) this.#timer = setTimeout(() => this.atOnce(), wait);
    else this.atOnce();
  }

  /** Draws in the next frame, because the user waits for it. */
  atOnce() {
    if (this.#frame) return;
    clearTimeout(this.#timer);
    this.#frame = requestAnimationFrame(() => this.#run());
    this.#timer = setTimeout(() => this.#run(), HIDDEN_PAGE_DELAY);
  }

  #run() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = this.#timer = 0;
    this.#drawnAt = performance.now();
    this.#draw(this.#drawnAt);
  }
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
