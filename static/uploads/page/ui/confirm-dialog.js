import { find } from "./elements.js";

/**
 * Asks before something is lost.
 * @param {HTMLDialogElement} dialog
 * @param {string} text what it is about, for the dialog's `data-field`
 * @returns {Promise<boolean>} whether the answer was yes
 */
export function confirmWith(dialog, text) {
  const listening = new AbortController();
  const { signal } = listening;
  find(dialog, "[data-field]").textContent = text;
  dialog.returnValue = "";

  return new Promise((resolve) => {
    find(dialog, "[data-confirm]").addEventListener("click", () => dialog.close("yes"), { signal });
    find(dialog, "[data-cancel]").addEventListener("click", () => dialog.close(), { signal });
    // The dialog's own box covers its inside, so a click on the dialog itself was on the backdrop.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close(), { signal });
    dialog.addEventListener(
      "close",
      () => {
        listening.abort();
        resolve(dialog.returnValue === "yes");
      },
      { signal },
    );
    dialog.showModal();
  });
}
