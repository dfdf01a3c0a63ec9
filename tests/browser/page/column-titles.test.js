import { directionOf, nextSort } from "../../../static/uploads/page/files/column-titles.js";
import { equal, test } from "../client/testing.js";

/** @import { Column } from "../../../static/uploads/page/files/column-titles.js" */
/** @import { Sort } from "../../../static/uploads/page/files/types.js" */

test("a title sorts by its column, and once more the other way round", () => {
  /** @type {[sort: Sort, column: Column, direction: string, next: Sort][]} */
  const cases = [
    ["-date", "date", "descending", "date"],
    ["date", "date", "ascending", "-date"],
    ["name", "date", "none", "-date"],
    ["-name", "date", "none", "-date"],
    ["-date", "name", "none", "name"],
    ["date", "name", "none", "name"],
    ["name", "name", "ascending", "-name"],
    ["-name", "name", "descending", "name"],
  ];
  for (const [sort, column, direction, next] of cases) {
    equal([directionOf(sort, column), nextSort(sort, column)], [direction, next], `${sort} ${column}`);
  }
});
