import { words } from "./words.js";

/**
 * Accepts files that are dropped on an element or pasted into it.
 * @param {HTMLElement} element has the attribute `data-over` while files are dragged over it
 * @param {(files: File[], problem: string) => void} onFiles `problem`: what was left out; empty if nothing was
 */
export function acceptFiles(element, onFiles) {
  const over = /** @param {DragEvent} event */ (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    element.toggleAttribute("data-over", true);
  };
  element.addEventListener("dragenter", over);
  element.addEventListener("dragover", over);
  element.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node && element.contains(relatedTarget))) element.removeAttribute("data-over");
  });
  element.addEventListener("drop", (event) => {
    element.removeAttribute("data-over");
    if (event.dataTransfer?.types.includes("Files")) take(event, event.dataTransfer, onFiles);
  });
  element.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) take(event, event.clipboardData, onFiles);
  });
}

/**
 * @param {Event} event
 * @param {DataTransfer} transfer
 * @param {(files: File[], problem: string) => void} onFiles
 */
function take(event, transfer, onFiles) {
  event.preventDefault();
  event.stopPropagation();
  /** @type {File[]} */
  const files = [];
  let hasFolder = false;
  for (const item of transfer.items) {
    const isFolder = item.kind === "file" && item.webkitGetAsEntry?.()?.isDirectory;
    const file = isFolder ? null : item.getAsFile();
    if (file) files.push(file);
    hasFolder ||= Boolean(isFolder);
  }
  onFiles(files, hasFolder ? words.noFolders : "");
}
