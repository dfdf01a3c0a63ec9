import { keepDroppedFile, keepDroppedFolder } from "./handles.js";
import { pickWith } from "./picker.js";

/**
 * Accepts files and folders from the buttons, from a drop anywhere on the page and from the clipboard.
 * @param {object} options
 * @param {HTMLButtonElement} options.filesButton
 * @param {HTMLInputElement} options.filesInput
 * @param {HTMLButtonElement} options.folderButton
 * @param {HTMLInputElement} options.folderInput
 * @param {HTMLElement} options.overlay covers the page while something is dragged over it
 * @param {(files: File[], folders: FileSystemDirectoryEntry[]) => void} options.onFiles
 * @param {(files: File[]) => void} options.onPickFolder
 */
export function acceptFiles({ filesButton, filesInput, folderButton, folderInput, overlay, onFiles, onPickFolder }) {
  pickWith(filesButton, filesInput, (files) => onFiles(files, []));
  // Not the picker for folders, which refuses Documents, Downloads and the like.
  pickWith(folderButton, folderInput, onPickFolder, false);
  folderButton.hidden = !("webkitdirectory" in folderInput);

  // The overlay covers everything, so that leaving it means leaving the page. Without it, the enter and leave events of
  // the elements beneath would make the highlight flicker.
  document.addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) {
      event.preventDefault();
      overlay.hidden = false;
    }
  });
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer && carriesFiles(event)) {
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
    }
  });
  overlay.addEventListener("dragleave", () => {
    overlay.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    overlay.hidden = true;
    if (event.dataTransfer && carriesFiles(event)) {
      event.preventDefault();
      onFiles(...contentOf(event.dataTransfer));
    }
  });

  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length && !isTextField(event.target)) {
      event.preventDefault();
      onFiles(...contentOf(event.clipboardData));
    }
  });
}

/**
 * Reads everything at once, because a DataTransfer is empty after its event.
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
      keepDroppedFolder(item, entry);
      folders.push(/** @type {FileSystemDirectoryEntry} */ (entry));
    } else {
      const file = item.getAsFile();
      if (!file) continue;
      keepDroppedFile(item, file);
      files.push(file);
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
