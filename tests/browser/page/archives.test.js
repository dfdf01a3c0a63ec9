import { ZipError } from "../../../static/uploads/client/zip/index.js";
import { explainArchive } from "../../../static/uploads/page/text/archives.js";
import { equal, ok, test } from "../client/testing.js";

test("every reason why there is no archive has a sentence", () => {
  const details = { path: "a\u202eb.txt", limit: 1_000_000_000 };
  /** @type {[code: "too_large"|"member_failed"|"member_size"|"not_saved", part: string][]} */
  const cases = [
    ["too_large", "up to 1\u00a0GB"],
    ["member_failed", "“a\ufffdb.txt” could not be downloaded"],
    ["member_size", "“a\ufffdb.txt” did not arrive completely"],
    ["not_saved", "could not be saved"],
  ];
  for (const [code, part] of cases) {
    const sentence = explainArchive(new ZipError(code, details));
    ok(sentence.includes(part), `"${part}" in "${sentence}"`);
  }
  equal(explainArchive(new TypeError("x")), "The archive could not be made. Try again.");
});
