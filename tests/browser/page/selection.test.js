import { Selection } from "../../../static/uploads/page/files/selection.js";
import { equal, test } from "../client/testing.js";

const LIST = ["a", "b", "c", "d", "e", "f"];

/** @typedef {(selection: Selection) => void} Step */

/** @type {(...keys: string[]) => Step} */
const set =
  (...keys) =>
  (selection) =>
    selection.set(keys);
/** @type {(key: string) => Step} */
const toggle = (key) => (selection) => selection.toggle(key);
/** @type {(key: string, list?: string[]) => Step} */
const shift =
  (key, list = LIST) =>
  (selection) =>
    selection.extendTo(key, list);
/** @type {(key: string|null) => Step} */
const focus = (key) => (selection) => selection.focusOn(key);
/** @type {(list?: string[], hasMore?: boolean) => Step} */
const all =
  (list = LIST, hasMore = false) =>
  (selection) =>
    selection.selectAll(list, hasMore);
/** @type {(list: string, hasMore?: boolean) => Step} */
const keep = (list, hasMore) => (selection) => selection.keep([...list], hasMore);
/** @type {Step} */
const clear = (selection) => selection.clear();

/**
 * What somebody does, what is selected then in any order, and which item has the focus.
 * @type {[what: string, steps: Step[], selected: string, focused: string|null][]}
 */
const CASES = [
  ["nothing", [], "", null],
  ["a click selects one", [set("b")], "b", "b"],
  ["another click selects only the other", [set("b"), set("d")], "d", "d"],
  ["several at once, the last is the anchor", [set("b", "d"), shift("f")], "bdef", "f"],
  ["Ctrl adds", [set("b"), toggle("d")], "bd", "d"],
  ["Ctrl removes", [set("b"), toggle("d"), toggle("b")], "d", "b"],
  ["Ctrl twice is as before", [toggle("b"), toggle("b")], "", "b"],
  ["Shift selects a range", [set("b"), shift("d")], "bcd", "d"],
  ["Shift backwards", [set("d"), shift("b")], "bcd", "b"],
  ["a range with one item", [set("d"), shift("d")], "d", "d"],
  ["a second range replaces the first one", [set("c"), shift("e"), shift("d")], "cd", "d"],
  ["a range turns around its anchor", [set("c"), shift("e"), shift("a")], "abc", "a"],
  ["what was added before stays beside a range", [set("a"), toggle("d"), shift("f")], "adef", "f"],
  ["a smaller range after Ctrl keeps it too", [set("a"), toggle("d"), shift("f"), shift("e")], "ade", "e"],
  ["a range that goes over it does not swallow it", [set("b"), toggle("e"), shift("a"), shift("f")], "bef", "f"],
  ["Ctrl after a range adds to it", [set("a"), shift("c"), toggle("e")], "abce", "e"],
  ["Ctrl takes one out of a range", [set("a"), shift("c"), toggle("b")], "ac", "b"],
  ["a range from an item that Ctrl removed", [set("a"), toggle("b"), toggle("b"), shift("c")], "abc", "c"],
  ["a range without an anchor begins at the focus", [focus("b"), shift("d")], "bcd", "d"],
  ["and turns around it", [focus("c"), shift("e"), shift("b")], "bc", "b"],
  ["a range without anchor and focus is the item", [shift("d")], "d", "d"],
  ["moving the focus selects nothing", [set("b"), focus("e")], "b", "e"],
  ["the anchor stays when the focus moves", [set("b"), focus("e"), shift("d")], "bcd", "d"],
  ["a range to what is not in the list", [set("b"), shift("x")], "b", "b"],
  ["a range from what is no longer in the list", [set("x"), focus("b"), shift("c")], "bcx", "c"],
  ["everything", [all()], "abcdef", null],
  ["everything but one", [all(), toggle("c")], "abdef", "c"],
  ["a range after everything adds to it", [all(), focus("b"), shift("d")], "abcdef", "d"],
  ["Escape", [all(), clear], "", null],
  ["Escape keeps the focus, but not the anchor", [set("b"), focus("d"), clear, shift("e")], "de", "e"],

  ["a deleted item is no longer selected", [set("b", "d"), keep("abc")], "b", "c"],
  ["a new item is not selected", [set("b"), keep("xabcdef")], "b", "b"],
  ["another order", [set("b"), shift("c"), keep("fedcba"), shift("d", [..."fedcba"])], "bcd", "d"],
  [
    "the anchor is deleted, the range begins at the focus",
    [keep("abcdef"), set("b"), focus("d"), keep("acdef"), shift("e")],
    "de",
    "e",
  ],
  ["the focused item is deleted: the next one", [keep("abcdef"), set("c"), keep("abdef")], "", "d"],
  ["and the one after that, if both are", [keep("abcdef"), set("c"), keep("abef")], "", "e"],
  ["the last item is deleted: the one before", [keep("abcdef"), set("f"), keep("abcde")], "", "e"],
  ["everything is deleted", [keep("abcdef"), set("c"), keep("")], "", null],
  [
    "a range does not bring back what is gone",
    [keep("abcdef"), set("a"), toggle("c"), keep("bcdef"), shift("d", [..."bcdef"])],
    "cd",
    "d",
  ],

  ["everything, with a page that is loaded later", [all([..."abc"], true), keep("abcdef")], "abcdef", null],
  ["with two pages", [all([..."ab"], true), keep("abcd", true), keep("abcdef")], "abcdef", null],
  [
    "a file that is stored meanwhile, at the beginning",
    [all([..."abc"], true), keep("xabc", true), keep("xabcdef")],
    "abcdef",
    null,
  ],
  [
    "a file that is stored after all was loaded",
    [all([..."abc"], true), keep("abcdef"), keep("abcdefx")],
    "abcdef",
    null,
  ],
  ["a file that is deleted meanwhile", [all([..."abc"], true), keep("acdef")], "acdef", null],
  ["nobody wants the rest any more", [all([..."abc"], true), toggle("b"), keep("abcdef")], "ac", "b"],
  ["after a range", [all([..."abc"], true), focus("a"), shift("b"), keep("abcdef")], "abc", "b"],
  ["after Escape", [all([..."abc"], true), clear, keep("abcdef")], "", null],
  ["after a click", [all([..."abc"], true), set("b"), keep("abcdef")], "b", "b"],
];

test("clicks, keys and changes of the list select what people expect", () => {
  for (const [what, steps, selected, focused] of CASES) {
    const selection = new Selection();
    selection.keep(LIST);
    for (const step of steps) step(selection);
    equal(selection.keys.sort().join(""), selected, what);
    equal(selection.size, selected.length, what);
    equal(selection.focus, focused, `focus: ${what}`);
    for (const key of [...LIST, "x"]) equal(selection.has(key), selected.includes(key), `${what}: ${key}`);
  }
});

test("a change is emitted if something has changed, and only then", () => {
  const selection = new Selection();
  /** @type {string[]} */
  const events = [];
  for (const type of ["change", "focus"]) selection.addEventListener(type, () => events.push(type));
  /** @type {[step: Step, expected: string][]} */
  const steps = [
    [clear, ""],
    [set("a"), "focus change"],
    [set("a"), ""],
    [shift("a"), ""],
    [shift("b"), "focus change"],
    [toggle("b"), "change"],
    [focus("b"), ""],
    [focus("c"), "focus"],
    [all(), "change"],
    [all(), ""],
    [keep("abcdef"), ""],
    [keep("abcdefg"), ""],
    [keep("abdefg"), "focus change"],
    [clear, "change"],
  ];
  for (const [index, [step, expected]] of steps.entries()) {
    events.length = 0;
    step(selection);
    equal(events.join(" "), expected, `step ${index}`);
  }
});

test("the end of loading is a change, also if it brought nothing", () => {
  const selection = new Selection();
  selection.selectAll(["a"], true);
  let changes = 0;
  selection.addEventListener("change", () => {
    changes += 1;
  });
  equal(selection.isGrowing, true);
  selection.keep(["a"], false);
  equal([selection.isGrowing, changes], [false, 1]);
});

test("ten thousand items are selected, kept and extended quickly enough to be one event of the keyboard", () => {
  const list = Array.from({ length: 10_000 }, (_, index) => `key-${index}`);
  const selection = new Selection();
  let changes = 0;
  selection.addEventListener("change", () => {
    changes += 1;
  });
  selection.selectAll(list);
  selection.keep(list);
  selection.set(["key-0"]);
  selection.extendTo("key-9999", list);
  equal([selection.size, changes], [10_000, 3]);
});
