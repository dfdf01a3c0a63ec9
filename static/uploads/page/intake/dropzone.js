/**
 * Takes files and folders from the buttons, from a drop anywhere on the page and from the clipboard.
 * @param {object} options
 * @param {HTMLButtonElement} options.filesButton
 * @param {HTMLInputElement} options.filesInput
 * @param {HTMLButtonElement} options.folderButton
 * @param {HTMLInputElement} options.folderInput
 * @param {HTMLElement} options.curtain covers the page while something is dragged over it
 * @param {(files: File[], folders: FileSystemDirectoryEntry[]) => void} options.onTake
 * @param {(files: File[]) => void} options.onPickFolder
 */
export function takeFiles({ filesButton, filesInput, folderButton, folderInput, curtain, onTake, onPickFolder }) {
  pickWith(filesButton, filesInput, (files) => onTake(files, []));
  pickWith(folderButton, folderInput, onPickFolder);
  folderButton.hidden = !("webkitdirectory" in folderInput);

  // The curtain lies over everything, so that leaving it means leaving the page: enter and leave events of the
  // elements beneath, which make a highlight flicker, never come.
  document.addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) {
      event.preventDefault();
      curtain.hidden = false;
    }
  });
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer && carriesFiles(event)) {
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
    }
  });
  curtain.addEventListener("dragleave", () => {
    curtain.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    curtain.hidden = true;
    if (event.dataTransfer && carriesFiles(event)) {
      event.preventDefault();
      onTake(...contentOf(event.dataTransfer));
    }
  });

  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length && !isTextField(event.target)) {
      event.preventDefault();
      onTake(...contentOf(event.clipboardData));
    }
  });
}

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLInputElement} input
 * @param {(files: File[]) => void} onPick
 */
function pickWith(button, input, onPick) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    onPick([...(input.files ?? [])]);
    // So that choosing the same file once more is a change again.
    input.value = "";
  });
  // They come disabled: what was chosen before anybody listened would be lost.
  button.disabled = false;
  input.disabled = false;
}

/**
 * After its event a DataTransfer is empty, so everything is taken out at once.
 * @param {DataTransfer} transfer
 * @returns {[File[], FileSystemDirectoryEntry[]]}
 */
function contentOf(transfer) {
  /** @type {File[]} */
  const files = [];
  /** @type {FileSystemDirectoryEntry[]} */
  const folders = [];
  for (const item of transfer.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry?.();
    if (entry?.isDirectory) {
      folders.push(/** @type {FileSystemDirectoryEntry} */ (entry));
    } else {
      const file = item.getAsFile();
      if (file) files.push(file);
    }
  }
  return [files, folders];
}

/** @param {DragEvent} event */
function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** @param {EventTarget|null} target */
function isTextField(target) {
  return target instanceof Element && target.closest("input, textarea, [contenteditable]") !== null;
}
