import { InterruptedRow } from "../../../static/uploads/page/uploads/interrupted-row.js";
import { makeFile } from "../client/support.js";
import { equal, test } from "../client/testing.js";

/** As in templates/uploads/_interrupted_row.html. */
function makeTemplate() {
  const template = document.createElement("template");
  template.innerHTML = `<li data-interrupted-row>
    <p data-field="name"><span data-field="folder"></span><span data-field="file"></span></p>
    <progress max="100"></progress>
    <strong data-field="state"></strong> <span data-field="detail"></span>
    <button data-action="continue" hidden>Continue</button>
    <button data-action="choose" hidden>Choose file</button>
    <input type="file" hidden>
    <button data-action="new" hidden>Upload as a new file</button>
    <button data-action="remove">Remove</button>
  </li>`;
  return template;
}

const ITEM = { id: "1", path: "talk.mp4", size: 1000, safe: 630, isChecked: true, hasHandle: false };

/** @param {Partial<typeof ITEM>} [changes] */
function makeRow(changes) {
  const row = new InterruptedRow(makeTemplate(), { ...ITEM, ...changes });
  document.body.append(row.element);
  return row;
}

/** @param {InterruptedRow} row */
function textOf({ element }) {
  const state = element.querySelector("[data-field=state]")?.textContent;
  return `${state}: ${element.querySelector("[data-field=detail]")?.textContent}`;
}

/** @param {InterruptedRow} row */
function actionsOf({ element }) {
  const buttons = /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("button:not([hidden])"));
  return [...buttons].map(({ dataset }) => dataset.action).join(" ");
}

/** @type {[changes: Partial<typeof ITEM>, text: string, actions: string][]} */
const STATES = [
  [{}, "Interrupted: 63% is safe · Choose it again to continue", "choose remove"],
  [{ hasHandle: true }, "Interrupted: 63% is safe · Ready to continue", "continue remove"],
  [{ isChecked: false }, "Interrupted: At least 63% is safe · Choose it again to continue", "choose remove"],
  [{ safe: 0 }, "Interrupted: Nothing has been uploaded yet · Choose it again to continue", "choose remove"],
  [{ safe: 0, isChecked: false }, "Interrupted: Choose it again to continue", "choose remove"],
  [{ safe: 999 }, "Interrupted: 99% is safe · Choose it again to continue", "choose remove"],
  [{ safe: 1000 }, "Interrupted: 100% is safe · Choose it again to continue", "choose remove"],
];

test("a row says what is safe and what to do", () => {
  for (const [changes, text, actions] of STATES) {
    const row = makeRow(changes);
    equal([textOf(row), actionsOf(row)], [text, actions]);
  }
});

test("a row follows what is known of its upload", () => {
  const row = makeRow({ safe: 0, isChecked: false });
  row.item = ITEM;
  equal(textOf(row), "Interrupted: 63% is safe · Choose it again to continue");
});

/** @type {[path: string, folder: string, file: string, label: string][]} */
const NAMES = [
  ["a/b/talk.mp4", "a/b/", "talk.mp4", "Continue the upload of a/b/talk.mp4"],
  [
    "<img src=x onerror=alert(1)>",
    "",
    "<img src=x onerror=alert(1)>",
    "Continue the upload of <img src=x onerror=alert(1)>",
  ],
  ["\u202e4pm.exe", "", "\ufffd4pm.exe", "Continue the upload of \ufffd4pm.exe"],
  ["a\nb", "", "a\ufffdb", "Continue the upload of a\ufffdb"],
  ["%(name)s $& $1", "", "%(name)s $& $1", "Continue the upload of %(name)s $& $1"],
];

test("hostile names are shown as text, without what could deceive", () => {
  for (const [path, folder, file, label] of NAMES) {
    const { element } = makeRow({ path });
    const texts = ["folder", "file"].map((field) => element.querySelector(`[data-field=${field}]`)?.textContent);
    equal(texts, [folder, file], path);
    equal(element.querySelector("[data-action=continue]")?.getAttribute("aria-label"), label, path);
    equal(element.querySelectorAll("img").length, 0, path);
  }
});

test("after a problem the file has to be chosen, and another one can be uploaded", () => {
  const row = makeRow({ hasHandle: true });
  row.button("continue").focus();
  row.explain("Why.", { mustChoose: true, other: makeFile("other.mp4") });
  equal([textOf(row), actionsOf(row)], ["Interrupted: Why.", "choose new remove"]);
  equal(document.activeElement === row.button("choose"), true, "the focus moves on");
  equal(row.button("new").getAttribute("aria-label"), "Upload as a new file: other.mp4");
});

test("while a row works, it keeps the focus and can do nothing else", () => {
  const row = makeRow();
  let clicks = 0;
  for (const action of /** @type {("choose"|"remove")[]} */ (["choose", "remove"])) {
    const button = row.button(action);
    button.addEventListener("click", () => {
      clicks += 1;
    });
    button.focus();
    row.enter("removing");
    button.click();
    equal([textOf(row), actionsOf(row)], ["Removing…: 63% is safe", "choose remove"]);
    equal([document.activeElement === button, button.getAttribute("aria-disabled")], [true, "true"]);
    row.explain("Not removed.");
    equal([textOf(row), actionsOf(row)], ["Interrupted: Not removed.", "choose remove"]);
  }
  equal(clicks, 0, "clicks while it works");
  row.button("remove").click();
  equal(clicks, 1, "clicks afterwards");
});
