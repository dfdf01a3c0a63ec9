import { RenameField } from "../../../static/uploads/page/files/rename-field.js";
import { byId, find } from "../../../static/uploads/page/ui/elements.js";
import { until } from "../client/support.js";
import { equal, ok, test } from "../client/testing.js";
import { makeFolder, makeItem } from "./items.js";

/** @import { Item } from "../../../static/uploads/page/files/types.js" */

/**
 * @param {Item} item
 * @param {(name: string) => string|Promise<string>} [answer] why the name is refused
 */
function edit(item, answer = () => "") {
  document.body.innerHTML = '<p id="cell"><b>old name</b></p><button id="elsewhere"></button>';
  // The test's window need not have the focus.
  document.hasFocus = () => true;
  /** @type {string[]} */
  const calls = [];
  const field = new RenameField({
    rename: async (renamed, name) => {
      calls.push(`${renamed.key} to ${name}`);
      return await answer(name);
    },
    onFailed: (sentence) => calls.push(sentence),
    onEnd: () => calls.push("end"),
  });
  field.edit(item, byId("cell"));
  const input = find(byId("cell"), "input", HTMLInputElement);
  const key = (/** @type {string} */ name) => {
    const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true });
    input.dispatchEvent(event);
    if (name === "Enter") find(byId("cell"), "form", HTMLFormElement).requestSubmit();
    return event;
  };
  const problem = () => find(byId("cell"), "[role=alert]").textContent;
  const isOpen = () => byId("cell").querySelector("input") !== null;
  return { field, input, calls, key, problem, isOpen };
}

test("the name without its extension is selected, and the field has the focus", () => {
  for (const [item, selected] of /** @type {[Item, string][]} */ ([
    [makeItem("a", { file_name: "a.b.pdf" }), "a.b"],
    [makeFolder("X/Photos 1.5"), "Photos 1.5"],
  ])) {
    const { input, field } = edit(item);
    equal(document.activeElement, input);
    equal(input.value.slice(input.selectionStart ?? 0, input.selectionEnd ?? 0), selected);
    equal(field.key, item.key);
  }
});

test("Enter renames, and the focus goes back to the list", async () => {
  const { input, calls, key, isOpen, field } = edit(makeItem("a"));
  input.value = "b.txt";
  key("Enter");
  await until(() => !isOpen());
  equal([calls, field.key, byId("cell").textContent], [["a to b.txt", "end"], null, "old name"]);
});

test("Escape and an unchanged name rename nothing", async () => {
  for (const name of ["Escape", "Enter"]) {
    const { input, calls, key, isOpen } = edit(makeItem("a"));
    if (name === "Escape") input.value = "b.txt";
    key(name);
    await until(() => !isOpen());
    equal(calls, ["end"], name);
  }
});

test("what is wrong is said beside the field, which stays with what was entered", async () => {
  const { input, calls, key, problem, isOpen } = edit(makeItem("a"), (name) =>
    name === "b" ? "" : "This name is too long.",
  );
  input.value = "c";
  key("Enter");
  await until(() => problem() !== "");
  equal(
    [problem(), input.value, input.getAttribute("aria-invalid"), document.activeElement],
    ["This name is too long.", "c", "true", input],
  );
  equal(find(byId("cell"), "[role=alert]").id, input.getAttribute("aria-describedby"));
  input.value = "b";
  input.dispatchEvent(new Event("input"));
  equal([problem(), input.getAttribute("aria-invalid")], ["", null]);
  key("Enter");
  await until(() => !isOpen());
  equal(calls, ["a to c", "a to b", "end"]);
});

/** What was entered before a click elsewhere, and what is called then. @type {[entered: string, calls: string[]][]} */
const LEFT = [
  ["b.txt", ["a to b.txt"]],
  ["a.txt", []],
  ["  ", []],
];

test("a click elsewhere renames, and leaves the focus there", async () => {
  for (const [entered, expected] of LEFT) {
    const { input, calls, isOpen } = edit(makeItem("a"));
    input.value = entered;
    byId("elsewhere").focus();
    await until(() => !isOpen());
    equal([calls, document.activeElement?.id], [expected, "elsewhere"], entered);
  }
});

test("after a click elsewhere, what is wrong is said by the page", async () => {
  const { input, calls, isOpen } = edit(makeItem("a"), () => "This name is too long.");
  input.value = "b.txt";
  byId("elsewhere").focus();
  equal([isOpen(), document.activeElement?.id], [false, "elsewhere"], "the field is gone at once");
  await until(() => calls.length === 2);
  equal(calls, ["a to b.txt", "This name is too long."]);
});

test("looking at another window renames nothing", () => {
  const { input, calls, isOpen } = edit(makeItem("a"));
  document.hasFocus = () => false;
  input.value = "b.txt";
  input.dispatchEvent(new FocusEvent("blur"));
  equal([calls, isOpen()], [[], true]);
});

test("a name is sent once, however often Enter is pressed", async () => {
  /** @type {(sentence: string) => void} */
  let respond = () => {};
  const response = new Promise((resolve) => {
    respond = resolve;
  });
  const { input, calls, key, isOpen } = edit(makeItem("a"), () => response);
  input.value = "b.txt";
  key("Enter");
  key("Enter");
  key("Escape");
  byId("elsewhere").focus();
  equal([calls, isOpen(), input.readOnly], [["a to b.txt"], true, true]);
  respond("");
  await until(() => !isOpen());
  equal(calls, ["a to b.txt"]);
});

test("keys in the field do not reach the list", () => {
  const { key } = edit(makeItem("a"));
  let reached = 0;
  addEventListener("keydown", () => {
    reached += 1;
  });
  for (const name of ["Delete", "a", "ArrowDown", " ", "F2", "Escape"]) key(name);
  equal(reached, 0);
});

test("a second row ends the field of the first one", () => {
  const { field, isOpen } = edit(makeItem("a"));
  document.body.insertAdjacentHTML("beforeend", '<p id="other"></p>');
  field.edit(makeItem("b"), byId("other"));
  equal([isOpen(), field.key], [false, "b"]);
  field.cancel();
  ok(!document.querySelector("input"), "no field");
});
