import { findProblem } from "../../../static/uploads/client/limits.js";
import { fitFolder } from "../../../static/uploads/client/names.js";
import { Upload } from "../../../static/uploads/client/upload.js";
import { makeFile } from "./support.js";
import { equal, ok, test } from "./testing.js";

const LIMITS = { maxSize: Infinity, allowedTypes: ["*"] };
// [what, folder, as it is sent]; tests/filehub_client/test_names.py runs the same cases.
const FOLDERS = await (await fetch("/tests/shared/folders.json")).json();

test("a folder that the server would refuse keeps as many names as fit", () => {
  for (const [what, folder, expected] of FOLDERS) equal(fitFolder(folder), expected, what);
});

test("a folder of any depth fits", () => {
  for (let depth = 1; depth < 120; depth += 1) {
    const path = Array.from({ length: depth }, (_, index) => `folder ${index}`).join("/");
    const fitted = fitFolder(path);
    ok(new TextEncoder().encode(fitted).length <= 400 && fitted.split("/").length <= 32, `${fitted} fits`);
    ok(fitted === path || (fitted.startsWith("folder 0/…/") && fitted.endsWith(`/folder ${depth - 1}`)), fitted);
  }
});

test("a path is folder and name; a name without a path is only a name", () => {
  /** @type {[upload: Upload, folder: string, name: string, isShortened: boolean][]} */
  const cases = [
    [new Upload(makeFile("a.txt"), "photos/2026/a.txt"), "photos/2026", "a.txt", false],
    [new Upload(makeFile("a.txt"), "a.txt"), "", "a.txt", false],
    [new Upload(makeFile("a.txt")), "", "a.txt", false],
    [new Upload(makeFile("a.txt"), "Cafe\u0301/a.txt"), "Café", "a.txt", false],
    [new Upload(makeFile("a.txt"), `${"x".repeat(300)}/a.txt`), "…", "a.txt", true],
  ];
  for (const [upload, folder, name, isShortened] of cases) {
    equal([upload.folder, upload.name, upload.isShortened], [folder, name, isShortened]);
    equal(upload.place, folder ? `${folder}/${name}` : name);
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

test("a folder that the server would refuse is refused at once", () => {
  equal(findProblem(new Upload(makeFile("x"), "a\nb/x"), LIMITS), "invalid_folder");
  equal(findProblem(new Upload(makeFile("x"), "a\ud83d/x"), LIMITS), "invalid_folder");
  equal(findProblem(new Upload(makeFile("x"), "a/b/x"), LIMITS), null);
});

test("a name that the server would refuse is refused at once", () => {
  for (const [name, expected] of NAMES) equal(findProblem(new Upload(makeFile("x"), name), LIMITS), expected, name);
});
