import { findProblem } from "../../../static/uploads/client/limits.js";
import { fitPath } from "../../../static/uploads/client/names.js";
import { Upload } from "../../../static/uploads/client/upload.js";
import { makeFile } from "./support.js";
import { equal, ok, test } from "./testing.js";

const LIMITS = { maxSize: Infinity, allowedTypes: ["*"] };
/** A folder of 100 bytes. @param {string} letter */
const folder = (letter) => letter.repeat(100);

/** @type {[path: string, expected: string][]} */
const PATHS = [
  ["a.txt", "a.txt"],
  ["photos/2026/a.jpg", "photos/2026/a.jpg"],
  [`${folder("a")}/${folder("b")}/${"c".repeat(53)}`, `${folder("a")}/${folder("b")}/${"c".repeat(53)}`],
  // The outermost and the innermost folders stay.
  [`top/${folder("a")}/${folder("b")}/${folder("c")}/f.txt`, `top/…/${folder("b")}/${folder("c")}/f.txt`],
  [`top/${folder("a")}/${folder("b")}/x/${folder("d")}/f.txt`, `top/…/${folder("b")}/x/${folder("d")}/f.txt`],
  [`${folder("a")}/${folder("b")}/${folder("c")}/f.txt`, `${folder("a")}/…/${folder("c")}/f.txt`],
  // The outermost does not fit.
  [`${"t".repeat(200)}/${folder("b")}/${"f".repeat(100)}`, `…/${folder("b")}/${"f".repeat(100)}`],
  [`folder/${"f".repeat(250)}`, `…/${"f".repeat(250)}`],
  [`top/${"f".repeat(254)}`, "f".repeat(254)],
  // Bytes count, not characters, and no character is cut.
  [`${"日".repeat(80)}/${"本".repeat(80)}/語.txt`, `${"日".repeat(80)}/…/語.txt`],
  [`a/${"😀".repeat(50)}/${"😀".repeat(20)}/f`, `a/…/${"😀".repeat(20)}/f`],
  // Too long in any case: the name of the file is refused.
  ["f".repeat(256), "f".repeat(256)],
  [`top/${"f".repeat(256)}`, "f".repeat(256)],
];

test("a path that is too long keeps as many folders as fit", () => {
  for (const [path, expected] of PATHS) equal(fitPath(path), expected, path);
});

test("a path of any depth fits", () => {
  for (let depth = 1; depth < 120; depth += 1) {
    const path = `${Array.from({ length: depth }, (_, index) => `folder ${index}`).join("/")}/file.txt`;
    const name = fitPath(path);
    ok(new TextEncoder().encode(name).length <= 255, `${name} fits`);
    ok(name === path || (name.startsWith("folder 0/…/") && name.endsWith("/file.txt")), name);
  }
});

/** @type {[name: string, code: string|null][]} */
const NAMES = [
  ["a.txt", null],
  ["naïve 日本語 😀.txt", null],
  ["\u200e\u202e.txt", null],
  ["a\ud83d.txt", "invalid_name"],
  ["\udc00\ud83d", "invalid_name"],
  ["a\nb", "invalid_name"],
  ["Icon\r", "invalid_name"],
  ["a\u0000", "invalid_name"],
  ["a\u0085", "invalid_name"],
  ["x".repeat(256), "name_too_long"],
];

test("a name that the server would refuse is refused at once", () => {
  for (const [name, expected] of NAMES) equal(findProblem(new Upload(makeFile("x"), name), LIMITS), expected, name);
});
