import { displayName, matchesSearch, nameParts } from "../../../static/uploads/page/text/names.js";
import { showName } from "../../../static/uploads/page/ui/file-name.js";
import { equal, test } from "../client/testing.js";

// tests/core/test_names.py runs the same cases.
const cases = await (await fetch("/tests/shared/names.json")).json();

test("a displayed name has no deceptive characters", () => {
  for (const [what, name, shown] of cases.displayed) equal(displayName(name), shown, what);
});

test("a search compares names and terms in one form", () => {
  for (const [what, name, term, matches] of cases.matches) {
    equal(matchesSearch(name, term), matches, what);
  }
});

test("a long name is split so that its end stays visible", () => {
  for (const [what, name, ...parts] of cases.parts) {
    const { folder, file } = nameParts(name);
    equal([folder.head, folder.tail, file.head, file.tail], parts, what);
  }
});

test("a name is displayed in its parts", () => {
  const element = document.createElement("p");
  element.innerHTML = "<bdi data-field=folder></bdi><bdi data-field=file></bdi>";
  for (const [what, name, folder, , , tail] of cases.parts) {
    showName(element, name);
    equal(element.textContent, displayName(name), what);
    const [folderElement, fileElement] = element.querySelectorAll("bdi");
    equal(folderElement.hidden, folder === "", what);
    equal(fileElement.querySelector(".name-tail")?.textContent ?? "", tail, what);
  }
});
