import { imageSize } from "../../../static/uploads/page/uploads/image-size.js";
import { equal, test } from "../client/testing.js";

/** @param {(string|number[])[]} pieces */
function view(...pieces) {
  const bytes = pieces.flatMap((piece) => (typeof piece === "string" ? [...piece].map((c) => c.charCodeAt(0)) : piece));
  return new DataView(new Uint8Array(bytes).buffer);
}

/** @param {number} count */
const zeros = (count) => Array(count).fill(0);
const PNG = "\x89PNG\r\n\x1a\n";
/** 16,000 in two and three bytes, in both orders. */
const [BIG, LITTLE] = [
  [0x3e, 0x80],
  [0x80, 0x3e],
];
const SIDE = { width: 16_000, height: 16_000 };

/** @type {[what: string, head: DataView, expected: {width: number, height: number}|null][]} */
const HEADS = [
  ["PNG", view(PNG, zeros(4), "IHDR", [0, 0], BIG, [0, 0], BIG), SIDE],
  ["GIF", view("GIF89a", LITTLE, LITTLE, zeros(3), ",", zeros(4), [1, 0, 1, 0]), SIDE],
  ["GIF of 1987", view("GIF87a", LITTLE, LITTLE, zeros(3), ",", zeros(4), [1, 0, 1, 0]), SIDE],
  ["GIF whose first frame is larger", view("GIF89a", [1, 0, 1, 0], zeros(3), ",", zeros(4), LITTLE, LITTLE), SIDE],
  ["GIF whose first frame is outside", view("GIF89a", zeros(7), ",", [0x7f, 0x3e, 0x7e, 0x3e], [1, 0, 2, 0]), SIDE],
  [
    "GIF with colors and extensions",
    view(
      ...["GIF89a", zeros(4), [0x81, 0, 0], zeros(12)],
      ...["!\xfe\x03a,b\x02!,\0", "!\xf9\x04", zeros(5), ",", zeros(4), LITTLE, LITTLE],
    ),
    SIDE,
  ],
  ["BMP", view("BM", zeros(12), [40, 0, 0, 0], LITTLE, [0, 0], LITTLE, [0, 0]), SIDE],
  ["BMP from top to bottom", view("BM", zeros(12), [124, 0, 0, 0], LITTLE, [0, 0], [0x80, 0xc1, 0xff, 0xff]), SIDE],
  ["WebP, lossy", view("RIFF", zeros(4), "WEBPVP8 ", zeros(7), [0x9d, 1, 0x2a], LITTLE, LITTLE), SIDE],
  ["WebP, scaled", view("RIFF", zeros(4), "WEBPVP8 ", zeros(7), [0x9d, 1, 0x2a], [0x80, 0x7e], [0x80, 0xbe]), SIDE],
  // 14 bits each, less one.
  ["WebP, lossless", view("RIFF", zeros(4), "WEBPVP8L", zeros(4), [0x2f, 0x7f, 0xfe, 0x9f, 0x0f]), SIDE],
  ["WebP, extended", view("RIFF", zeros(4), "WEBPVP8X", zeros(8), [0x7f, 0x3e, 0], [0x7f, 0x3e, 0]), SIDE],
  ["JPEG", view([0xff, 0xd8, 0xff, 0xc0, 0, 17, 8], BIG, BIG), SIDE],
  [
    "JPEG, progressive, after a profile",
    view([0xff, 0xd8, 0xff, 0xe2, 0, 6], zeros(4), [0xff, 0xff, 0xc2, 0, 17, 8], BIG, BIG),
    SIDE,
  ],
  ["JPEG, after a Huffman table", view([0xff, 0xd8, 0xff, 0xc4, 0, 4, 9, 9, 0xff, 0xc0, 0, 17, 8], BIG, BIG), SIDE],
  ["AVIF", view(zeros(4), "ftypavif", zeros(9), "ispe", zeros(4), [0, 0], BIG, [0, 0], BIG), SIDE],
  [
    "HEIC with a preview",
    view(zeros(4), "ftypheic", "ispe", zeros(4), [0, 0], BIG, [0, 0], BIG, "ispe", zeros(11), [9]),
    SIDE,
  ],
  // Unknown, so they are not decoded.
  ["nothing", view(), null],
  ["text", view("<svg width='16000' height='16000'>"), null],
  ["a PNG that is cut off", view(PNG, zeros(4), "IHDR"), null],
  ["a JPEG without a size", view([0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff], zeros(100)), null],
  ["a JPEG that goes nowhere", view([0xff, 0xd8, 0, 0], zeros(100)), null],
  ["a WebP of another kind", view("RIFF", zeros(4), "WEBPXXXX", zeros(40)), null],
  ["a GIF that is cut off", view("GIF89a", [1, 0, 1, 0], zeros(3), "!\xfe\x03abc"), null],
  ["a GIF without a frame", view("GIF89a", [1, 0, 1, 0], zeros(3), ";", zeros(20)), null],
  ["an old BMP", view("BM", zeros(12), [12, 0, 0, 0], zeros(20)), null],
];

test("the size of an image is read from its first bytes", () => {
  for (const [what, head, expected] of HEADS) equal(imageSize(head), expected, what);
});

test("the size of a GIF is the one that the browser decodes", async () => {
  // The first frame at (40, 50) and a larger one after it, each of one pixel's data.
  const frame = (/** @type {number[]} */ box) => [",", box, [0, 2, 2, 0x4c, 1, 0]];
  const bytes = view(
    ...["GIF89a", [10, 0, 10, 0], [0x80, 0, 0], [0, 0, 0, 9, 9, 9], "!\xfe\x02a,\0"],
    ...[...frame([40, 0, 50, 0, 10, 0, 10, 0]), ...frame([0, 0, 0, 0, 0, 1, 0, 1]), ";"],
  );
  const image = new Image();
  const url = URL.createObjectURL(new Blob([bytes], { type: "image/gif" }));
  image.src = url;
  await image.decode();
  URL.revokeObjectURL(url);
  equal({ width: image.naturalWidth, height: image.naturalHeight }, { width: 50, height: 60 });
  equal(imageSize(bytes), { width: 50, height: 60 });
});

test("the size is the one that the browser decodes", async () => {
  for (const type of ["image/png", "image/jpeg", "image/webp"]) {
    const canvas = new OffscreenCanvas(300, 70);
    canvas.getContext("2d")?.fillRect(0, 0, 20, 20);
    const blob = await canvas.convertToBlob({ type });
    equal(blob.type, type);
    equal(imageSize(new DataView(await blob.arrayBuffer())), { width: 300, height: 70 }, type);
  }
});
