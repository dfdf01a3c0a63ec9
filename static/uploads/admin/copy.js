/**
 * Buttons that copy the text of another element: <button data-copy="its id" data-done data-failed hidden>, followed by
 * an element that says how it went. Without this module there is no button, and the text can be selected.
 */

/** @type {NodeListOf<HTMLButtonElement>} */
const buttons = document.querySelectorAll("button[data-copy]");

for (const button of buttons) {
  const source = document.getElementById(button.dataset.copy ?? "");
  const status = button.nextElementSibling;
  if (!source || !status) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      // Missing where the site is served without HTTPS, which ends up below.
      await navigator.clipboard.writeText(source.textContent);
      status.textContent = button.dataset.done ?? "";
    } catch {
      getSelection()?.selectAllChildren(source);
      status.textContent = button.dataset.failed ?? "";
    }
  });
}
