import { byId, find } from "../../../static/uploads/page/ui/elements.js";
import { until } from "../client/support.js";
import { equal, ok, test } from "../client/testing.js";
import { makeToast, press, sentence } from "./action-harness.js";

/**
 * Makes time pass only when the test says so.
 * @returns {(milliseconds: number) => void}
 */
function useClock() {
  let now = 0;
  let next = 1;
  /** @type {Map<number, {at: number, act: () => void}>} */
  const timers = new Map();
  performance.now = () => now;
  globalThis.setTimeout = /** @type {any} */ (
    (/** @type {() => void} */ act, wait = 0) => {
      timers.set(next, { at: now + wait, act });
      return next++;
    }
  );
  globalThis.clearTimeout = /** @type {any} */ ((/** @type {number} */ id) => timers.delete(id));
  return (milliseconds) => {
    now += milliseconds;
    for (const [id, { at, act }] of [...timers]) {
      if (at > now || !timers.delete(id)) continue;
      act();
    }
  };
}

/** @param {Partial<KeyboardEventInit>} keys @param {Element} [target] */
function key(keys, target = document.body) {
  const event = new KeyboardEvent("keydown", { key: "z", bubbles: true, cancelable: true, ...keys });
  target.dispatchEvent(event);
  return event;
}

test("a sentence disappears after ten seconds, an error does not", () => {
  const pass = useClock();
  const toast = makeToast();
  toast.show("Moved.");
  pass(9_900);
  equal(sentence(), "Moved.");
  pass(200);
  equal(sentence(), "");
  toast.show("Failed.", { isError: true });
  pass(3_600_000);
  equal(sentence(), "Failed.");
  find(byId("toast"), "[data-close]").click();
  equal(sentence(), "");
});

test("time stands still while the mouse or the focus is on it, and goes on afterwards", () => {
  const pass = useClock();
  const toast = makeToast();
  toast.show("Moved.", { undo: () => {} });
  pass(6_000);
  byId("toast").dispatchEvent(new PointerEvent("pointerenter"));
  pass(60_000);
  equal(sentence(), "Moved.");
  byId("toast").dispatchEvent(new PointerEvent("pointerleave"));
  find(byId("toast"), "[data-undo]").focus();
  pass(60_000);
  equal(sentence(), "Moved.");
  byId("list").focus();
  pass(3_900);
  equal(sentence(), "Moved.");
  pass(200);
  equal(sentence(), "");
});

test("a new sentence replaces the one before, with its time and its Undo", () => {
  const pass = useClock();
  const toast = makeToast();
  let undone = "";
  toast.show("One.", {
    undo: () => {
      undone += "1";
    },
  });
  pass(9_000);
  toast.show("Two.");
  equal(find(byId("toast"), "[data-undo]").hidden, true);
  key({ ctrlKey: true });
  equal(undone, "");
  pass(9_000);
  equal(sentence(), "Two.");
});

/** @type {[what: string, keys: Partial<KeyboardEventInit>, where: string, undone: boolean][]} */
const KEYS = [
  ["Ctrl+Z", { ctrlKey: true }, "list", true],
  ["⌘Z", { metaKey: true }, "list", true],
  ["with caps lock", { ctrlKey: true, key: "Z" }, "list", true],
  ["in its button", { ctrlKey: true }, "toast", true],
  ["redo", { ctrlKey: true, shiftKey: true }, "list", false],
  ["Alt", { ctrlKey: true, altKey: true }, "list", false],
  ["a letter", {}, "list", false],
  ["another letter", { ctrlKey: true, key: "y" }, "list", false],
  ["in a text field, which has an Undo of its own", { ctrlKey: true }, "field", false],
  ["in a dialog", { ctrlKey: true }, "folder-dialog", false],
];

test("Ctrl+Z undoes once, but not in fields and dialogs", () => {
  for (const [what, keys, where, expected] of KEYS) {
    const toast = makeToast();
    document.body.insertAdjacentHTML("beforeend", '<input id="field">');
    let undone = 0;
    toast.show("Moved.", {
      undo: () => {
        undone += 1;
      },
    });
    const { defaultPrevented } = key(keys, byId(where, Element));
    key(keys, byId(where, Element));
    equal([undone, defaultPrevented, sentence()], expected ? [1, true, ""] : [0, false, "Moved."], what);
  }
});

test("closing gives the focus back to where it came from, or to the list", () => {
  const toast = makeToast();
  document.body.insertAdjacentHTML("beforeend", '<button id="row"></button>');
  for (const [isThere, expected] of /** @type {const} */ ([
    [true, "row"],
    [false, "list"],
  ])) {
    toast.show("Moved.", { undo: () => {} });
    byId("row").focus();
    const undo = find(byId("toast"), "[data-undo]");
    undo.focus();
    if (!isThere) byId("row").remove();
    key({ key: "Escape" }, undo);
    equal([document.activeElement?.id, sentence()], [expected, ""]);
  }
});

test("Escape in the toast does not reach the page, where it clears the selection", () => {
  const toast = makeToast();
  let reached = 0;
  addEventListener("keydown", () => {
    reached += 1;
  });
  toast.show("Moved.");
  key({ key: "Escape" }, find(byId("toast"), "[data-close]"));
  equal([sentence(), reached], ["", 0]);
});

test("what is shown is announced, with the keys that undo it", async () => {
  const toast = makeToast();
  toast.show("Moved.", { undo: () => {} });
  await until(() => byId("announcer").textContent !== "");
  ok(/^Moved\. Press (Ctrl\+|⌘)Z to undo\.$/.test(byId("announcer").textContent ?? ""), "the sentence and the keys");
});

test("progress is neither announced nor undone, and stays", () => {
  const pass = useClock();
  const toast = makeToast();
  toast.show("Moved.", { undo: () => {} });
  toast.progress("100 of 250");
  pass(60_000);
  equal([sentence(), find(byId("toast"), "[data-undo]").hidden], ["100 of 250", true]);
  ok(!byId("announcer").textContent?.includes("100"), "not announced");
});

test("Undo closes the toast before it runs, so that its result can be shown", () => {
  const toast = makeToast();
  toast.show("Moved.", { undo: () => toast.show("Undone.") });
  press("[data-undo]");
  equal(sentence(), "Undone.");
});
