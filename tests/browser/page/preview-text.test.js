import { readableChecksum } from "../../../static/uploads/page/files/preview/details.js";
import { decode } from "../../../static/uploads/page/files/preview/encoding.js";
import { readBeginning } from "../../../static/uploads/page/files/preview/storage.js";
import { split, textBlocks } from "../../../static/uploads/page/files/preview/text-blocks.js";
import { equal, ok, test } from "../client/testing.js";

/**
 * Each character as one byte.
 * @param {string} text
 */
function latin1(text) {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/**
 * @param {string} text
 * @param {boolean} isLittle
 */
function utf16(text, isLittle) {
  const view = new DataView(new ArrayBuffer(text.length * 2));
  for (let i = 0; i < text.length; i += 1) view.setUint16(i * 2, text.charCodeAt(i), isLittle);
  return new Uint8Array(view.buffer);
}

/** @param {string} text */
function utf8(text) {
  return new TextEncoder().encode(text);
}

/** @type {[what: string, bytes: Uint8Array<ArrayBuffer>, charset: string|null, text: string][]} */
const encoded = [
  ["UTF-8", utf8("Grüße 👋 日本"), null, "Grüße 👋 日本"],
  ["UTF-8 with a mark", utf8("\ufeffGrüße"), null, "Grüße"],
  ["UTF-8 that ends inside a character", utf8("Grüße 👋").subarray(0, -2), null, "Grüße "],
  ["UTF-8, declared", utf8("Grüße"), "utf-8", "Grüße"],
  ["UTF-8, declared as Latin-1", utf8("ü"), "iso-8859-1", "Ã¼"],
  ["Latin-1", latin1("Stra\u00dfe, na\u00efve"), null, "Straße, naïve"],
  ["Windows-1252", latin1("5 \u0080"), null, "5 €"],
  ["Latin-1, declared as UTF-8", latin1("na\u00efve"), "utf-8", "na\ufffdve"],
  ["Shift JIS, declared", latin1("\u0093\u00fa\u0096\u007b"), "shift_jis", "日本"],
  ["UTF-16 with a mark", utf16("\ufeffGrüße", true), null, "Grüße"],
  ["UTF-16 with a mark, big-endian", utf16("\ufeffGrüße", false), null, "Grüße"],
  ["UTF-16 with a mark, declared as UTF-8", utf16("\ufeffGrüße", true), "utf-8", "Grüße"],
  ["UTF-16 without a mark", utf16("Grüße", true), null, "Grüße"],
  ["UTF-16 without a mark, big-endian", utf16("Grüße", false), null, "Grüße"],
  ["UTF-16, declared", utf16("日本", true), "utf-16", "日本"],
  ["UTF-16 that ends inside a character", utf16("Grüße", true).subarray(0, -1), null, "Grüß"],
  ["an encoding that does not exist", utf8("Grüße"), "klingon", "Grüße"],
  ["line ends of Windows and of old Macs", utf8("a\r\nb\rc\nd"), null, "a\nb\nc\nd"],
  ["zero bytes here and there", latin1("a\0bcdefghijklmnop\0q"), null, "a\0bcdefghijklmnop\0q"],
  ["no bytes", utf8(""), null, ""],
];

test("a text is decoded by its mark, as declared, or as it looks", () => {
  for (const [what, bytes, charset, text] of encoded) equal(decode(bytes, charset), text, what);
});

test("blocks have all of the text, none is too long, and no character is torn apart", () => {
  const line = `${"x".repeat(99)}\n`;
  /** @type {[what: string, text: string, count: number][]} */
  const texts = [
    ["nothing", "", 0],
    ["one line", "a", 1],
    ["many lines", line.repeat(1000), 7],
    ["empty lines", "\n".repeat(40_000), 3],
    ["one long line", "x".repeat(40_000), 3],
    ["a long line of emoji", `x${"👋".repeat(20_000)}`, 3],
    ["a short line, then a long one", `a\n${"x".repeat(20_000)}`, 3],
  ];
  for (const [what, text, count] of texts) {
    const parts = split(text);
    equal(parts.join(""), text, what);
    equal(parts.length, count, what);
    ok(
      parts.every((part) => part.length <= 16_384 && part.isWellFormed()),
      `${what}: short blocks`,
    );
  }
});

test("a text is never interpreted", () => {
  const pre = textBlocks("<img src=x onerror=alert(1)><script>alert(1)</script>&amp;");
  equal(pre.querySelectorAll("img, script").length, 0);
  equal(pre.textContent, "<img src=x onerror=alert(1)><script>alert(1)</script>&amp;");
});

test("only the beginning of a file is read, also from a server that sends all of it", async () => {
  const url = import.meta.url;
  const whole = await (await fetch(url)).arrayBuffer();
  const { signal } = new AbortController();
  const beginning = await readBeginning(url, 100, signal);
  equal(beginning.isWhole, false);
  equal([...beginning.bytes], [...new Uint8Array(whole, 0, 100)]);
  for (const limit of [whole.byteLength, whole.byteLength + 1]) {
    const { bytes, isWhole } = await readBeginning(url, limit, signal);
    equal([bytes.length, isWhole], [whole.byteLength, true]);
  }
});

test("a file without an end is not read beyond its beginning", async () => {
  let sent = 0;
  const endless = new ReadableStream({
    pull(controller) {
      sent += 1000;
      if (sent > 100_000) throw new Error("too much was read");
      controller.enqueue(new Uint8Array(1000));
    },
  });
  globalThis.fetch = async () => new Response(endless);
  const { bytes, isWhole } = await readBeginning("/x", 2500, new AbortController().signal);
  equal([bytes.length, isWhole], [2500, false]);
});

/** @type {[status: number|null, code: string][]} */
const answers = [
  [400, "expired"],
  [403, "expired"],
  [404, "gone"],
  [416, "unreachable"],
  [500, "unreachable"],
  [503, "unreachable"],
  [null, "unreachable"],
];

test("what storage answers is told apart", async () => {
  for (const [status, code] of answers) {
    globalThis.fetch = async () => {
      if (status === null) throw new TypeError("Failed to fetch");
      return new Response("<Error/>", { status });
    };
    const problem = await readBeginning("/x", 1, new AbortController().signal).catch((error) => error);
    equal(problem.code, code, String(status));
  }
});

test("reading that is stopped rejects with the reason, and not with a problem of storage", async () => {
  globalThis.fetch = (_url, init) =>
    new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(new TypeError("aborted"))));
  const stop = new AbortController();
  const reading = readBeginning("/x", 1, stop.signal);
  stop.abort();
  equal((await reading.catch((error) => error)).name, "AbortError");
});

test("a checksum is shown as sha256sum writes it, and that of parts as storage does", () => {
  const empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  equal(readableChecksum(empty), {
    digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    isOfParts: false,
  });
  equal(readableChecksum(`${empty}-3`), { digest: `${empty}-3`, isOfParts: true });
  const digest = Array.from({ length: 32 }, (_, byte) => byte.toString(16).padStart(2, "0")).join("");
  equal(readableChecksum("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), { digest, isOfParts: false });
  equal(readableChecksum(""), { digest: "", isOfParts: false });
});
