// The box that ticks all others of its form. Without scripts it is not there.

const all = document.querySelector("[data-select-all]");

if (all) {
  const boxes = [...all.form.querySelectorAll("input[type=checkbox][name=ids]")];

  function follow() {
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && !all.checked;
  }

  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  all.form.addEventListener("change", (event) => {
    if (event.target !== all) follow();
  });
  all.closest("label").hidden = false;
  // A browser may restore what was ticked before a reload, or on the way back.
  window.addEventListener("pageshow", follow);
}
