import "../../../static/uploads/element/filehub-upload.js";
import { until } from "../client/support.js";
import { equal, ok, test } from "../client/testing.js";

/** @import { FilehubUpload } from "../../../static/uploads/element/filehub-upload.js" */

const STORED = `<span role="list"><span role="listitem" data-id="one" data-size="1500"><input type="hidden" name="cv" value="one"><a href="/one">a.pdf</a></span></span>`;

/** What the server responds; nothing while it is null. @type {Response|null} */
let response = null;
/** What was sent to the server. @type {{path: string, body: any}[]} */
const sent = [];

globalThis.fetch = async (input) => {
  const request = /** @type {Request} */ (input);
  sent.push({ path: new URL(request.url).pathname, body: await request.json().catch(() => null) });
  if (response) return response.clone();
  return new Promise((_resolve, reject) => {
    request.signal.addEventListener("abort", () => reject(request.signal.reason));
  });
};

/**
 * @param {string} attributes
 * @param {string} [content]
 */
function makeForm(attributes, content = "") {
  const form = document.createElement("form");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.innerHTML = `<fieldset><label for="id_cv">CV</label>
    <filehub-upload id="id_cv" name="cv" ${attributes}>${content}</filehub-upload></fieldset>`;
  document.body.append(form);
  const element = /** @type {FilehubUpload} */ (form.querySelector("filehub-upload"));
  return { form, element };
}

/**
 * @param {Element} element
 * @param {...File} files
 */
function choose(element, ...files) {
  const input = /** @type {HTMLInputElement} */ (element.querySelector("input[type=file]"));
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

/** @param {HTMLFormElement} form */
function valuesOf(form) {
  return new FormData(form).getAll("cv");
}

/**
 * @param {Element} element
 * @param {string} text
 */
function press(element, text) {
  const buttons = [...element.querySelectorAll("button")];
  const button = buttons.find((each) => !each.hidden && each.textContent === text);
  ok(button, `a button "${text}"`);
  button?.click();
}

/** @param {Element} element */
function statusesIn(element) {
  return Array.from(element.querySelectorAll(".filehub-status"), (status) => status.textContent ?? "");
}

test("files of the server are values at once, can be removed, and come back with a reset", () => {
  const { form, element } = makeForm("", STORED);
  equal(valuesOf(form), ["one"]);
  equal(element.querySelector("a")?.textContent, "a.pdf");
  equal(statusesIn(element), ["1.5\u00a0kB"]);
  let changes = 0;
  form.addEventListener("change", () => {
    changes += 1;
  });
  press(element, "Remove");
  equal([valuesOf(form), changes], [[], 1]);
  equal(document.activeElement?.textContent, "Choose a file");
  form.reset();
  equal([valuesOf(form), changes], [["one"], 1]);
});

test("the empty form of a formset is left alone until its copy has a number", () => {
  document.body.innerHTML = `<filehub-upload name="cv-__prefix__-file">${STORED}</filehub-upload>`;
  const template = /** @type {FilehubUpload} */ (document.querySelector("filehub-upload"));
  equal(template.querySelectorAll("button").length, 0);
  const copy = /** @type {FilehubUpload} */ (template.cloneNode(true));
  copy.name = "cv-0-file";
  template.before(copy);
  equal(copy.querySelector(".filehub-zone button")?.textContent, "Choose another file");
  // The scripts of the admin site number forms again when one is removed.
  copy.name = "cv-1-file";
  equal(copy.querySelector("input")?.name, "cv-1-file");
  template.name = "cv-2-file";
  equal(template.values, ["one"]);
});

test("a copy of an element that is set up has its values", () => {
  const { form, element } = makeForm("", STORED);
  element.after(element.cloneNode(true));
  equal(valuesOf(form), ["one", "one"]);
  equal(form.querySelectorAll("input[type=file]").length, 2);
});

test("a required field needs a value, and a disabled one has none", () => {
  const { form, element } = makeForm("required", STORED);
  equal(form.checkValidity(), true);
  press(element, "Remove");
  equal(form.checkValidity(), false);
  const fieldset = /** @type {HTMLFieldSetElement} */ (form.querySelector("fieldset"));
  form.reset();
  fieldset.disabled = true;
  equal([valuesOf(form), form.checkValidity()], [[], true]);
  fieldset.disabled = false;
  element.toggleAttribute("disabled", true);
  equal(valuesOf(form), []);
  choose(element, new File(["x"], "b.pdf"));
  equal(element.querySelectorAll("li").length, 1, "rows");
});

test("its label focuses the button and names it", () => {
  const { form, element } = makeForm('aria-describedby="help"');
  form.querySelector("label")?.click();
  const button = document.activeElement;
  equal(button?.textContent, "Choose a file");
  const names = (button?.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id));
  equal(
    names.map((name) => name?.textContent),
    ["Choose a file", "CV"],
  );
  equal(element.getAttribute("aria-labelledby"), form.querySelector("label")?.id);
  ok(button?.getAttribute("aria-describedby")?.endsWith(" help"), "the help text describes the button");
});

test("a file that is too large or of another type is not sent, and holds the form back until it is removed", () => {
  for (const [attributes, file, sentence] of /** @type {[string, File, string][]} */ ([
    [
      'data-max-size="3"',
      new File(["four"], "a.txt"),
      "This file exceeds the limit of 3\u00a0bytes. Choose a smaller file.",
    ],
    [
      'data-types="image/*,application/pdf"',
      new File(["x"], "a.txt", { type: "text/plain" }),
      "Files of this type are not accepted. Choose a file of one of these types: images and PDF.",
    ],
  ])) {
    const { form, element } = makeForm(attributes);
    choose(element, file);
    equal(statusesIn(element), [sentence]);
    equal([valuesOf(form), form.checkValidity()], [[], false]);
    press(element, "Remove");
    equal(form.checkValidity(), true);
    form.remove();
  }
  equal(sent, []);
});

test("what is accepted is described for people, and compared with all the names that browsers have for it", () => {
  for (const [types, description] of [
    ["*", ""],
    ["image/*, application/pdf", "Accepted: images and PDF."],
    ["image/png,image/jpeg,text/plain,audio/*", "Accepted: PNG, JPEG, TXT, and audio files."],
    ["application/msword,application/vnd.openxmlformats-officedocument.wordprocessingml.document", "Accepted: Word."],
    ["application/x-7z-compressed,application/x-tar", "Accepted: 7-Zip and TAR."],
  ]) {
    const { form, element } = makeForm(`data-types="${types}"`);
    equal(element.querySelector(".filehub-accepted")?.textContent, description);
    form.remove();
  }
  const { element } = makeForm('data-types="application/zip" data-accepted-types="application/zip,application/x-zip"');
  choose(element, new File(["x"], "a.zip", { type: "application/x-zip" }));
  equal(element.querySelectorAll('[data-state="failed"]').length, 0, "refused files");
});

test("a limit of the site that the element does not know is told by the server", async () => {
  response = Response.json({ code: "file_too_large", error: "At most 1 MB." }, { status: 413 });
  const { element } = makeForm("");
  choose(element, new File(["x"], "a.txt"));
  await until(() => element.querySelector('[data-state="failed"]'));
  equal(statusesIn(element), ["At most 1 MB."]);
});

test("the request that begins an upload names the field", async () => {
  const { element } = makeForm('data-api="/files/" data-field="token"');
  choose(element, new File(["x"], "a.txt", { type: "text/plain" }));
  await until(() => sent.length > 0);
  const { path, body } = sent[0];
  equal([path, body.field, body.file_name, Object.hasOwn(body, "scope")], ["/files/uploads", "token", "a.txt", false]);
});

test("an upload holds the form back, with and without the browser's own checks", async () => {
  const { form, element } = makeForm("", STORED);
  choose(element, new File(["x"], "b.txt"));
  await until(() => sent.length > 0);
  equal([valuesOf(form), form.checkValidity()], [["one"], false], "the old value stays");
  form.noValidate = true;
  let submits = 0;
  form.addEventListener("submit", () => {
    submits += 1;
  });
  form.requestSubmit();
  equal(submits, 0);
  const sentence = element.querySelector("[role=alert]")?.textContent;
  equal(sentence, "b.txt is still being uploaded. Wait until it is stored, or cancel it.");
  press(element, "Cancel");
  equal(element.querySelectorAll("li").length, 1, "rows");
  form.requestSubmit();
  equal([submits, valuesOf(form)], [1, ["one"]]);
});

test("moving an element keeps its upload, and removing it cancels the upload", async () => {
  const { form, element } = makeForm("multiple");
  choose(element, new File(["x"], "a.txt"), new File(["y"], "b.txt"));
  await until(() => sent.length > 0);
  form.prepend(element);
  await Promise.resolve();
  equal(element.querySelectorAll("li").length, 2, "rows");
  const leaving = () => !dispatchEvent(new Event("beforeunload", { cancelable: true }));
  equal(leaving(), true, "leaving the page asks");
  element.remove();
  await Promise.resolve();
  await until(() => !leaving());
  equal(element.querySelectorAll("li").length, 0, "rows");
});

test("several files for one are refused with a sentence, and a single one can be pasted", () => {
  const { element } = makeForm("");
  choose(element, new File(["x"], "a.txt"), new File(["y"], "b.txt"));
  equal(element.querySelectorAll("li").length, 0, "rows");
  equal(element.querySelector("[role=alert]")?.textContent, "Only one file can be added here.");
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File(["x"], "pasted.png"));
  element.querySelector("button")?.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
  equal(element.querySelector(".filehub-name")?.textContent, "pasted.png");
  equal(element.querySelector("[role=alert]")?.textContent, "");
});
