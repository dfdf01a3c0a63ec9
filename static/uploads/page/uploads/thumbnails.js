/** Larger ones take more memory to decode than a small picture is worth. */
const MAX_BYTES = 40 * 1024 ** 2;
const AT_ONCE = 2;
/** CSS pixels, as in app.css. */
const SIDE = 40;

/** Small pictures of chosen images. Only for tiles on the screen, a few at a time. */
export class Thumbnails {
  /** @type {Map<HTMLElement, File>} */
  #files = new Map();
  /** @type {Set<HTMLElement>} */
  #seen = new Set();
  #running = 0;
  #observer = new IntersectionObserver((entries) => this.#look(entries));

  /**
   * @param {HTMLElement} tile
   * @param {File} file
   */
  watch(tile, file) {
    if (!file.type.startsWith("image/") || file.size > MAX_BYTES) return;
    this.#files.set(tile, file);
    this.#observer.observe(tile);
  }

  /** @param {HTMLElement} tile */
  forget(tile) {
    this.#seen.delete(tile);
    if (!this.#files.delete(tile)) return;
    this.#observer.unobserve(tile);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #look(entries) {
    for (const { target, isIntersecting } of entries) {
      const tile = /** @type {HTMLElement} only tiles are observed */ (target);
      // What was seen before it was forgotten may be told after.
      if (isIntersecting && this.#files.has(tile)) {
        this.#seen.add(tile);
      } else {
        this.#seen.delete(tile);
      }
    }
    this.#next();
  }

  async #next() {
    if (this.#running >= AT_ONCE) return;
    const [tile] = this.#seen;
    const file = tile && this.#files.get(tile);
    if (!file) return;
    this.forget(tile);
    this.#running += 1;
    this.#next();
    try {
      await draw(tile, file);
    } catch {
      // Not every image is one that this browser can show, and the icon is as good.
    }
    this.#running -= 1;
    this.#next();
  }
}

/**
 * @param {HTMLElement} tile
 * @param {File} file
 */
async function draw(tile, file) {
  const side = Math.round(SIDE * Math.min(devicePixelRatio, 3));
  // Twice as wide, so that portraits and landscapes alike fill the square.
  const picture = await createImageBitmap(file, { resizeWidth: 2 * side, resizeQuality: "medium" });
  const canvas = document.createElement("canvas");
  canvas.className = "tile-picture";
  canvas.width = canvas.height = side;
  const edge = Math.min(picture.width, picture.height);
  const left = (picture.width - edge) / 2;
  const top = (picture.height - edge) / 2;
  canvas.getContext("2d")?.drawImage(picture, left, top, edge, edge, 0, 0, side, side);
  picture.close();
  tile.prepend(canvas);
  tile.dataset.picture = "";
}
