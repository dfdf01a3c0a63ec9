// The checkbox that selects all others in its form. Without this script it stays hidden.

/** @type {HTMLInputElement|null} */
const all = document.querySelector("[data-select-all]");

if (all?.form) connect(all, all.form);

/**
 * @param {HTMLInputElement} all
 * @param {HTMLFormElement} form
 */
function connect(all, form) {
  /** @type {NodeListOf<HTMLInputElement>} */
  const nodes = form.querySelectorAll("input[type=checkbox][name=ids]");
  const boxes = [...nodes];

  function update() {
    const checked = boxes.filter((box) => box.checked).length;
    all.checked = checked === boxes.length;
    all.indeterminate = checked > 0 && !all.checked;
  }

  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  form.addEventListener("change", (event) => {
    if (event.target !== all) update();
  });
  const label = all.closest("label");
  if (label) label.hidden = false;
  // The browser may restore the checkboxes after a reload or when the user goes back.
  window.addEventListener("pageshow", update);
}
