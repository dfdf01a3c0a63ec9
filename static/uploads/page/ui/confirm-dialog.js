import { find } from "./elements.js";

/**
 * Asks for confirmation of an action that cannot be undone.
 * @param {HTMLDialogElement} dialog
 * @param {string} text for the dialog's `data-field`
 * @returns {Promise<boolean>} whether the user confirmed
 */
export function confirmWith(dialog, text) {
  const listening = new AbortController();
  const { signal } = listening;
  find(dialog, "[data-field]").textContent = text;
  dialog.returnValue = "";

  return new Promise((resolve) => {
    find(dialog, "[data-confirm]").addEventListener("click", () => dialog.close("yes"), { signal });
    find(dialog, "[data-cancel]").addEventListener("click", () => dialog.close(), { signal });
    // The content covers the whole dialog, so a click on the dialog element itself is on the backdrop.
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
