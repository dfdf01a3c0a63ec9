/**
 * Takes files from the button, from a drop anywhere on the page and from the clipboard.
 * @param {object} options
 * @param {HTMLButtonElement} options.button
 * @param {HTMLInputElement} options.input
 * @param {HTMLElement} options.curtain covers the page while something is dragged over it
 * @param {(files: File[]) => void} options.onFiles
 * @param {(names: string[]) => void} options.onFolders
 */
export function takeFiles({ button, input, curtain, onFiles, onFolders }) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    onFiles([...input.files]);
    // So that choosing the same file once more is a change again.
    input.value = "";
  });

  // The curtain lies over everything, so that leaving it means leaving the page: enter and leave events of the
  // elements beneath, which make a highlight flicker, never come.
  document.addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) {
      event.preventDefault();
      curtain.hidden = false;
    }
  });
  document.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) {
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
    }
  });
  curtain.addEventListener("dragleave", () => {
    curtain.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    curtain.hidden = true;
    if (carriesFiles(event)) {
      event.preventDefault();
      take(event.dataTransfer);
    }
  });

  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length && !isTextField(event.target)) {
      event.preventDefault();
      take(event.clipboardData);
    }
  });

  /** @param {DataTransfer} transfer */
  function take(transfer) {
    const files = [];
    const folders = [];
    for (const item of transfer.items) {
      if (item.kind !== "file") continue;
      const entry = item.webkitGetAsEntry?.();
      const file = item.getAsFile();
      if (entry?.isDirectory) {
        folders.push(entry.name);
      } else if (file) {
        files.push(file);
      }
    }
    if (folders.length) onFolders(folders);
    if (files.length) onFiles(files);
  }
}

function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

function isTextField(target) {
  return target instanceof Element && target.closest("input, textarea, [contenteditable]") !== null;
}
