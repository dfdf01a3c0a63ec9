import { bytes } from "../../../static/uploads/page/text/format.js";
import { equal, test } from "../client/testing.js";

// tests/core/test_texts.py runs the same cases.
const cases = await (await fetch("/tests/shared/sizes.json")).json();

test("a size is rounded to a decimal unit", () => {
  for (const [size, text] of cases) equal(bytes(size), text.replace(" ", "\u00a0"));
});
