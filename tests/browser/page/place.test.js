import {
  addressOf,
  isFolder,
  isWithin,
  lastNameOf,
  orderOf,
  parentOf,
  placeOf,
  ROOT,
} from "../../../static/uploads/page/files/place.js";
import { ancestorsOf } from "../../../static/uploads/page/files/toolbar.js";
import { equal, test } from "../client/testing.js";

// tests/web/test_place.py reads the same addresses.
const { addresses } = await (await fetch("/tests/shared/places.json")).json();

test("an address says what is listed, and what is unknown in it is left out", () => {
  for (const { query, place } of addresses) equal(placeOf(`?${query}`), { ...ROOT, ...place }, query);
});

test("a place has an address with only what differs from the root", () => {
  for (const { place, address } of addresses) {
    equal(addressOf({ ...ROOT, ...place }), address ? `/?${address}` : "/");
    equal(placeOf(addressOf({ ...ROOT, ...place }).slice(1)), { ...ROOT, ...place });
  }
});

test("a search and the other views are lists of several folders", () => {
  /** @type {[changes: Partial<typeof ROOT>, expected: boolean][]} */
  const cases = [
    [{}, true],
    [{ folder: "a" }, true],
    [{ folder: "a", type: "pdf" }, true],
    [{ folder: "a", q: "x" }, false],
    [{ view: "trash" }, false],
    [{ view: "rejected" }, false],
  ];
  for (const [changes, expected] of cases) equal(isFolder({ ...ROOT, ...changes }), expected, JSON.stringify(changes));
});

test("a search is sorted by date, and keeps the order of the folder for its end", () => {
  /** @type {[changes: Partial<typeof ROOT>, expected: string][]} */
  const cases = [
    [{ sort: "name" }, "name"],
    [{ sort: "name", q: "x" }, "-date"],
    [{ sort: "date", view: "trash" }, "-date"],
  ];
  for (const [changes, expected] of cases) equal(orderOf({ ...ROOT, ...changes }), expected, JSON.stringify(changes));
});

test("paths have parents, last names and ancestors", () => {
  /** @type {[path: string, parent: string, name: string, ancestors: string[]][]} */
  const cases = [
    ["", "", "", []],
    ["a", "", "a", ["a"]],
    ["a/b", "a", "b", ["a", "a/b"]],
    ["a/b/c d", "a/b", "c d", ["a", "a/b", "a/b/c d"]],
  ];
  for (const [path, parent, name, ancestors] of cases) {
    equal([parentOf(path), lastNameOf(path), ancestorsOf(path)], [parent, name, ancestors], path);
  }
});

test("a folder whose name only begins like another one is not inside it", () => {
  /** @type {[folder: string, ancestor: string, expected: boolean][]} */
  const cases = [
    ["a", "", true],
    ["", "", true],
    ["a", "a", true],
    ["a/b", "a", true],
    ["ab", "a", false],
    ["a", "a/b", false],
    ["", "a", false],
  ];
  for (const [folder, ancestor, expected] of cases)
    equal(isWithin(folder, ancestor), expected, `${folder} in ${ancestor}`);
});
