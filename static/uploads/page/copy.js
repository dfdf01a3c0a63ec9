/**
 * Buttons that copy the text of another element: <button data-copy="its id" data-done data-failed hidden>, followed by
 * an element for the result. Without this script the buttons stay hidden, and the text can be selected.
 */

import { within } from "../client/index.js";

/** Milliseconds in which a browser writes to the clipboard, or asks whether it may. */
const TIMEOUT = 10_000;

/** @type {NodeListOf<HTMLButtonElement>} */
const buttons = document.querySelectorAll("button[data-copy]");

for (const button of buttons) {
  const source = document.getElementById(button.dataset.copy ?? "");
  const status = button.nextElementSibling;
  if (!source || !status) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      // Without HTTPS there is no clipboard, and the catch block selects the text instead.
      await within(navigator.clipboard.writeText(source.textContent), TIMEOUT);
      status.textContent = button.dataset.done ?? "";
    } catch {
      getSelection()?.selectAllChildren(source);
      status.textContent = button.dataset.failed ?? "";
    }
  });
}
