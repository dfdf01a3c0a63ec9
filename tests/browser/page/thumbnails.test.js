import { Thumbnails } from "../../../static/uploads/page/uploads/thumbnails.js";
import { delay, recordUncaught, until } from "../client/support.js";
import { equal, test } from "../client/testing.js";

/** @returns {Promise<Blob>} a small image */
async function makeImage() {
  const canvas = new OffscreenCanvas(8, 8);
  canvas.getContext("2d")?.fillRect(0, 0, 8, 8);
  return canvas.convertToBlob();
}

/**
 * Adds tiles for files that claim to be images, and waits until some of them have a thumbnail.
 * @param {BlobPart[]} contents
 * @param {number} count
 */
async function drawTiles(contents, count) {
  const thumbnails = new Thumbnails();
  for (const content of contents) {
    const tile = document.createElement("span");
    tile.textContent = "icon";
    document.body.append(tile);
    thumbnails.watch(tile, new File([content], "a.png", { type: "image/png" }));
  }
  await until(() => document.querySelectorAll("canvas").length === count);
}

test("an image that cannot be decoded keeps its icon", async () => {
  const uncaught = recordUncaught();
  await drawTiles(["no image", "no image", await makeImage()], 1);
  equal(uncaught, []);
});

test("an unexpected error in a thumbnail is reported, and the others are drawn", async () => {
  const uncaught = recordUncaught();
  const { createImageBitmap } = globalThis;
  let calls = 0;
  globalThis.createImageBitmap = /** @param {any[]} details */ async (...details) => {
    calls += 1;
    if (calls === 1) throw new TypeError("a bug");
    return Reflect.apply(createImageBitmap, globalThis, details);
  };
  const image = await makeImage();
  await drawTiles([image, image, image], 2);
  equal(uncaught, ["a bug"]);
});

test("thumbnails wait until the page is idle", async () => {
  /** @type {(() => void)[]} */
  const idle = [];
  globalThis.requestIdleCallback = /** @type {any} */ (/** @param {() => void} act */ (act) => idle.push(act));
  let drawn = false;
  const drawing = drawTiles([await makeImage()], 1).then(() => {
    drawn = true;
  });
  await until(() => idle.length > 0);
  await delay(100);
  equal([document.querySelectorAll("canvas").length, drawn], [0, false]);
  idle[0]();
  await drawing;
});

test("browsers that do not say when they are idle draw thumbnails too", async () => {
  Reflect.deleteProperty(globalThis, "requestIdleCallback");
  await drawTiles([await makeImage()], 1);
});

test("a tile that is used again shows no picture of the file before", async () => {
  const thumbnails = new Thumbnails();
  const image = await makeImage();
  const [reused, other] = [document.createElement("span"), document.createElement("span")];
  for (const tile of [reused, other]) {
    tile.textContent = "icon";
    document.body.append(tile);
  }
  const { createImageBitmap } = globalThis;
  globalThis.createImageBitmap = /** @param {any[]} details */ async (...details) => {
    // While it is being decoded, the tile is used for another file.
    thumbnails.unwatch(reused);
    return Reflect.apply(createImageBitmap, globalThis, details);
  };
  thumbnails.watch(reused, new File([image], "a.png", { type: "image/png" }));
  thumbnails.watch(other, new File([image], "b.png", { type: "image/png" }));
  await until(() => other.querySelector("canvas"));
  await delay(50);
  equal([reused.querySelector("canvas"), reused.dataset.picture], [null, undefined]);
  thumbnails.unwatch(other);
  equal([other.querySelector("canvas"), other.dataset.picture], [null, undefined]);
});
