import { messages } from "../text/messages.js";
import { find } from "../ui/elements.js";

// A row of the list, as templates/uploads/_rows.html renders it.

/** @param {HTMLElement} row */
export function idOf(row) {
  return row.dataset.id ?? "";
}

/** @param {HTMLElement} row */
export function nameOf(row) {
  return row.dataset.name ?? "";
}

/** @param {HTMLElement} row */
export function deleteButtonOf(row) {
  return find(row, "[data-delete]");
}

/** @param {HTMLElement|null} row */
export function markDeleting(row) {
  if (!row) return;
  row.dataset.state = "deleting";
  row.setAttribute("aria-busy", "true");
  // Not `disabled`, which would lose the focus.
  deleteButtonOf(row).setAttribute("aria-disabled", "true");
  note(row, messages.deleting);
}

/** @param {HTMLElement} row whose file could not be deleted */
export function markStored(row) {
  row.dataset.state = "stored";
  row.removeAttribute("aria-busy");
  deleteButtonOf(row).removeAttribute("aria-disabled");
}

/**
 * @param {HTMLElement} row
 * @param {string} sentence empty for none
 */
export function note(row, sentence) {
  const element = find(row, "[data-field=note]");
  element.textContent = sentence;
  element.hidden = sentence === "";
}

/**
 * Focuses the row itself, so that a screen reader reads it, and Tab leads to its buttons.
 * @param {HTMLElement} row
 */
export function focusRow(row) {
  // Set only now, because otherwise every click on the row would focus it.
  row.tabIndex = -1;
  row.addEventListener("blur", () => row.removeAttribute("tabindex"), { once: true });
  row.focus();
}
