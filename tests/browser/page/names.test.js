import { displayName, searchKey } from "../../../static/uploads/page/text/names.js";
import { equal, test } from "../client/testing.js";

// tests/core/test_names.py runs the same cases.
const cases = await (await fetch("/tests/shared/names.json")).json();

test("a displayed name has no deceptive characters", () => {
  for (const [what, name, shown] of cases.displayed) equal(displayName(name), shown, what);
});

test("a search compares names and terms in one form", () => {
  for (const [what, name, term, matches] of cases.matches) {
    equal(searchKey(name).startsWith(searchKey(term)), matches, what);
  }
});
