import { archivePaths } from "../../../static/uploads/client/zip/names.js";
import { equal, exhaustiveTest, ok, test } from "./testing.js";

/** @type {[path: string, expected: string][]} */
const SAFE = [
  ["a.txt", "a.txt"],
  ["photos/2026/a.jpg", "photos/2026/a.jpg"],
  ["grün/日本語 😀.txt", "grün/日本語 😀.txt"],
  [" a .txt", " a .txt"],
  [".htaccess", ".htaccess"],
  ["...a", "...a"],
  // Out of the folder
  ["../a", "a"],
  ["../../etc/passwd", "etc/passwd"],
  ["a/../../b", "a/b"],
  ["a/./b", "a/b"],
  ["/etc/passwd", "etc/passwd"],
  ["//server/share", "server/share"],
  ["..\\..\\a", ".._.._a"],
  ["\\\\server\\share", "__server_share"],
  ["C:\\Windows\\a", "C__Windows_a"],
  ["C:/Windows/a", "C_/Windows/a"],
  ["a/.. /b", "a/b"],
  ["a/.../b", "a/b"],
  ["~/a", "~/a"],
  // No name
  ["", "unnamed"],
  ["/", "unnamed"],
  ["..", "unnamed"],
  [". .", "unnamed"],
  ["a/", "a"],
  ["a//b", "a/b"],
  // Characters
  ["a\0b", "a_b"],
  ["a\nb\tc\u001b[31m", "a_b_c_[31m"],
  ["a\u007f\u0085b", "a__b"],
  ["a\u202egnp.exe", "a_gnp.exe"],
  ["a\u2066b\u200e", "a_b_"],
  ["a\ud800b", "a_b"],
  ["a\udfff", "a_"],
  ['<a>:"|?*', "_a______"],
  // What Windows drops or takes for a device
  ["a.", "a"],
  ["a. . ", "a"],
  ["a./b", "a/b"],
  ["CON", "_CON"],
  ["con.txt", "_con.txt"],
  ["nul.tar.gz", "_nul.tar.gz"],
  ["aux/com1.txt", "_aux/_com1.txt"],
  ["lpt²", "_lpt²"],
  ["console.txt", "console.txt"],
  ["com10", "com10"],
];

test("every path becomes a relative one that is safe to extract", () => {
  for (const [path, expected] of SAFE) equal(archivePaths([path]), [expected], JSON.stringify(path));
});

/** @type {[paths: string[], expected: string[]][]} */
const UNIQUE = [
  [
    ["a.txt", "a.txt", "a.txt"],
    ["a.txt", "a (2).txt", "a (3).txt"],
  ],
  [
    ["a.txt", "A.TXT"],
    ["a.txt", "A (2).TXT"],
  ],
  [
    ["a.txt", "a.txt", "a (2).txt"],
    ["a.txt", "a (2).txt", "a (2) (2).txt"],
  ],
  [
    ["a (2).txt", "a.txt", "a.txt"],
    ["a (2).txt", "a.txt", "a (3).txt"],
  ],
  [
    ["x/a", "y/a"],
    ["x/a", "y/a"],
  ],
  [
    ["x/a", "X/a"],
    ["x/a", "X/a (2)"],
  ],
  [
    ["u\u0308", "\u00fc"],
    ["u\u0308", "\u00fc (2)"],
  ],
  [
    ["straße", "STRASSE"],
    ["straße", "STRASSE (2)"],
  ],
  [
    [".env", ".env"],
    [".env", ".env (2)"],
  ],
  [
    ["a", "a"],
    ["a", "a (2)"],
  ],
  [
    ["../a", "/a", "a"],
    ["a", "a (2)", "a (3)"],
  ],
  [
    ["", ".."],
    ["unnamed", "unnamed (2)"],
  ],
  // Safe names may be the same although the names were not.
  [
    ["a:b", "a?b"],
    ["a_b", "a_b (2)"],
  ],
  // A file and a folder
  [
    ["a", "a/b"],
    ["a (2)", "a/b"],
  ],
  [
    ["a/b/c", "A/B"],
    ["a/b/c", "A/B (2)"],
  ],
];

test("no two paths are the same to any file system", () => {
  for (const [paths, expected] of UNIQUE) equal(archivePaths(paths), expected, JSON.stringify(paths));
});

test("long names are cut before the extension and stay different", () => {
  const bytes = /** @param {string} name */ (name) => new TextEncoder().encode(name).length;
  const long = `${"日".repeat(100)}.jpeg`;
  const [first, second] = archivePaths([long, long]);
  ok(bytes(first) <= 255 && first.endsWith("日.jpeg"), "a name that fits, with its extension");
  ok(bytes(second) <= 255 && second.endsWith("日 (2).jpeg"), "another that fits");
  equal(archivePaths([`a${" ".repeat(300)}b`]), ["a"]);
  equal(archivePaths(["😀".repeat(64)]), ["😀".repeat(63)]);
});

test("of a path that is too long, the innermost folders stay", () => {
  const [path] = archivePaths([`top/${"folder/".repeat(20_000)}a.txt`]);
  ok(path.length <= 4_096 && path.endsWith("/folder/a.txt") && path.startsWith("folder/"), "the end of the path");
});

exhaustiveTest("a hundred thousand equal names are made different at once", () => {
  const paths = archivePaths(Array(100_000).fill("a.txt"));
  equal(new Set(paths).size, 100_000);
  equal(paths.at(-1), "a (100000).txt");
});
