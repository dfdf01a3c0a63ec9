import { within } from "../../client/index.js";
import { HEAD, imageSize } from "./image-size.js";

/** Decoding a larger image takes more time than a thumbnail is worth. */
const MAX_BYTES = 40 * 1024 ** 2;
/** And more memory: four bytes for each pixel, however few the file has. */
const MAX_PIXELS = 25_000_000;
/** Milliseconds; an image that takes longer must not keep the others from being drawn. */
const TIMEOUT = 20_000;
const AT_ONCE = 2;
/** Milliseconds after which a thumbnail is begun although the page is busy. */
const LATEST = 2_000;
/** Milliseconds to wait in browsers that do not say when they are idle. */
const WITHOUT_IDLE = 100;
/** CSS pixels: twice the side of a tile in css/uploads.css, because the list may show larger ones. */
const SIDE = 80;

/** Thumbnails of chosen images, drawn only for visible tiles, a few at a time, while the page has nothing else to do. */
export class Thumbnails {
  /** What each tile shows, or will show. @type {Map<HTMLElement, File>} */
  #shown = new Map();
  /** What is not drawn yet. @type {Map<HTMLElement, File>} */
  #files = new Map();
  /** @type {Set<HTMLElement>} */
  #visible = new Set();
  #running = 0;
  #isWaiting = false;
  /** Null in browsers that cannot draw thumbnails; the icons stay. */
  #observer = canDraw() ? new IntersectionObserver((entries) => this.#updateVisible(entries)) : null;

  /**
   * @param {HTMLElement} tile
   * @param {File} file
   */
  watch(tile, file) {
    if (!this.#observer || !file.type.startsWith("image/") || file.size > MAX_BYTES) return;
    this.#shown.set(tile, file);
    this.#files.set(tile, file);
    this.#observer.observe(tile);
  }

  /** @param {HTMLElement} tile that is gone, or will show something else */
  unwatch(tile) {
    if (!this.#shown.delete(tile)) return;
    this.#forget(tile);
    tile.querySelector(".tile-picture")?.remove();
    delete tile.dataset.picture;
  }

  /** @param {HTMLElement} tile that needs no drawing */
  #forget(tile) {
    this.#visible.delete(tile);
    if (this.#files.delete(tile)) this.#observer?.unobserve(tile);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #updateVisible(entries) {
    for (const { target, isIntersecting } of entries) {
      const tile = /** @type {HTMLElement} only tiles are observed */ (target);
      // The observer may still report a tile that is no longer watched.
      if (isIntersecting && this.#files.has(tile)) {
        this.#visible.add(tile);
      } else {
        this.#visible.delete(tile);
      }
    }
    this.#next();
  }

  #next() {
    if (this.#isWaiting || this.#running >= AT_ONCE || this.#visible.size === 0) return;
    this.#isWaiting = true;
    whenIdle(() => {
      this.#isWaiting = false;
      this.#drawOne();
    });
  }

  async #drawOne() {
    const [tile] = this.#visible;
    const file = tile && this.#files.get(tile);
    if (!file) return;
    this.#forget(tile);
    this.#running += 1;
    this.#next();
    try {
      const picture = await pictureOf(file);
      // Meanwhile the tile may show something else.
      if (picture && this.#shown.get(tile) === file) show(picture, tile);
    } catch (error) {
      // The browser cannot decode every image; the icon stays.
      if (!(error instanceof DOMException)) throw error;
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }
}

/**
 * Uploads come first.
 * @param {() => void} act
 */
function whenIdle(act) {
  // Safari has no idle callbacks.
  if ("requestIdleCallback" in globalThis) requestIdleCallback(act, { timeout: LATEST });
  else setTimeout(act, WITHOUT_IDLE);
}

function canDraw() {
  return "IntersectionObserver" in globalThis && "createImageBitmap" in globalThis;
}

/** @param {File} file */
async function isDrawable(file) {
  const head = await within(file.slice(0, HEAD).arrayBuffer(), TIMEOUT);
  const size = imageSize(new DataView(head));
  return size !== null && size.width * size.height <= MAX_PIXELS;
}

/**
 * @param {File} file
 * @returns {Promise<HTMLCanvasElement|null>} null if it takes too much to draw it
 */
async function pictureOf(file) {
  if (!(await isDrawable(file))) return null;
  const side = Math.round(SIDE * Math.min(devicePixelRatio, 3));
  // Twice as wide, so that landscapes fill the square too.
  const drawing = createImageBitmap(file, { resizeWidth: 2 * side, resizeQuality: "medium" });
  const picture = await within(drawing, TIMEOUT);
  const canvas = document.createElement("canvas");
  canvas.className = "tile-picture";
  canvas.width = canvas.height = side;
  const edge = Math.min(picture.width, picture.height);
  const left = (picture.width - edge) / 2;
  const top = (picture.height - edge) / 2;
  canvas.getContext("2d")?.drawImage(picture, left, top, edge, edge, 0, 0, side, side);
  picture.close();
  return canvas;
}

/**
 * @param {HTMLCanvasElement} picture
 * @param {HTMLElement} tile
 */
function show(picture, tile) {
  tile.prepend(picture);
  tile.dataset.picture = "";
}
