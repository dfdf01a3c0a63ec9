import { Upload } from "../../../static/uploads/client/upload.js";
import { equal, test } from "../client/testing.js";
import { makeRow } from "./upload-markup.js";

/** @import { State } from "../../../static/uploads/client/upload.js" */

/** @param {HTMLElement} row @param {string} selector */
function actions(row, selector) {
  return [...row.querySelectorAll(selector)].map(
    (element) => /** @type {HTMLElement} */ (element.closest("[data-action]")).dataset.action,
  );
}

test("only buttons that are shown have an icon, because the browser looks up hidden ones too", () => {
  for (const [changes, shown] of /** @type {[Partial<Upload>, string[]][]} */ ([
    [{ state: "queued" }, ["pause", "cancel"]],
    [{ state: "hashing" }, ["pause", "cancel"]],
    [{ state: "uploading" }, ["pause", "cancel"]],
    [{ state: "pausing" }, ["pause", "cancel"]],
    [{ state: "paused" }, ["resume", "cancel"]],
    [{ state: "confirming" }, []],
    [{ state: "confirming", slow: true }, ["dismiss"]],
    [{ state: "failed", retryable: true }, ["retry", "dismiss"]],
    [{ state: "failed", retryable: false }, ["dismiss"]],
    [{ state: "rejected" }, ["dismiss"]],
    [{ state: "cancelled" }, ["retry", "dismiss"]],
    [{ state: "stored" }, ["dismiss"]],
    [{ state: "stored", alreadyStored: true }, ["again", "dismiss"]],
  ])) {
    const { element } = makeRow(Object.assign(new Upload(new File(["x"], "a.txt")), changes));
    equal(actions(element, "button:not([hidden])"), shown, JSON.stringify(changes));
    equal(actions(element, "button use[href]"), shown, JSON.stringify(changes));
  }
});

test("a button gets its icon when it is shown", () => {
  const upload = new Upload(new File(["x"], "a.txt"));
  const row = makeRow(upload);
  upload.state = "paused";
  row.draw(0);
  equal(actions(row.element, "button use[href]"), ["pause", "resume", "cancel"]);
  equal(row.element.querySelector("[data-action=resume] use")?.getAttribute("href"), "icons.svg#resume");
});
