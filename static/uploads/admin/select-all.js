// The box that ticks all others of its form. Without scripts it is not there.

/** @type {HTMLInputElement|null} */
const all = document.querySelector("[data-select-all]");

if (all?.form) connect(all, all.form);

/**
 * @param {HTMLInputElement} all
 * @param {HTMLFormElement} form
 */
function connect(all, form) {
  /** @type {NodeListOf<HTMLInputElement>} */
  const found = form.querySelectorAll("input[type=checkbox][name=ids]");
  const boxes = [...found];

  function follow() {
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && !all.checked;
  }

  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  form.addEventListener("change", (event) => {
    if (event.target !== all) follow();
  });
  const label = all.closest("label");
  if (label) label.hidden = false;
  // A browser may restore what was ticked before a reload, or on the way back.
  window.addEventListener("pageshow", follow);
}
