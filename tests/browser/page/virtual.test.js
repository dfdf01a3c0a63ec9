import { scrollTo, sectionOf } from "../../../static/uploads/page/files/virtual.js";
import { equal, ok, test } from "../client/testing.js";

const LIST = { count: 10_000, columns: 1, lineHeight: 50, top: 0, height: 800 };
const TILES = { ...LIST, columns: 5, lineHeight: 200 };

test("only the rows around the visible part are drawn", () => {
  /** @type {[geometry: typeof LIST, from: number, to: number][]} */
  const cases = [
    [LIST, 0, 24],
    [{ ...LIST, top: -300 }, 0, 18],
    [{ ...LIST, top: 1000 }, 12, 44],
    [{ ...LIST, top: 10_000 * 50 - 800 }, 9976, 10_000],
    // Scrolled further than the list is long, because it has become shorter.
    [{ ...LIST, count: 10, top: 5000 }, 10, 10],
    // Far below the visible part.
    [{ ...LIST, top: -5000 }, 0, 0],
    [{ ...LIST, count: 0 }, 0, 0],
    [TILES, 0, 30],
    [{ ...TILES, count: 7 }, 0, 7],
    [{ ...TILES, top: 2000 }, 40, 80],
  ];
  for (const [geometry, from, to] of cases) {
    const section = sectionOf(geometry);
    equal([section.from, section.to], [from, to], JSON.stringify(geometry));
  }
});

test("however long the list is, at most about a hundred rows are drawn, and the others have their space", () => {
  for (const geometry of [LIST, { ...LIST, height: 2160 }, { ...TILES, height: 2160, columns: 6 }]) {
    const lines = Math.ceil(geometry.count / geometry.columns);
    for (let top = -900; top < lines * geometry.lineHeight; top += 777) {
      const { from, to, before, after } = sectionOf({ ...geometry, top });
      ok(to - from <= 100, `${to - from} rows at ${top}`);
      const drawn = Math.ceil((to - from) / geometry.columns) * geometry.lineHeight;
      equal(before + drawn + after, lines * geometry.lineHeight, `the height at ${top}`);
    }
  }
});

test("the page scrolls as little as needed to show an item", () => {
  /** @type {[index: number, geometry: typeof LIST, expected: number][]} */
  const cases = [
    [0, LIST, 0],
    [15, LIST, 0],
    [16, LIST, 50],
    [0, { ...LIST, top: 500 }, -500],
    [12, { ...LIST, top: 500 }, 0],
    [30, { ...LIST, top: 500 }, 250],
    [4, TILES, 0],
    [20, TILES, 200],
    [20, { ...TILES, top: 1000 }, -200],
  ];
  for (const [index, geometry, expected] of cases) equal(scrollTo(index, geometry), expected, `item ${index}`);
});
