import { nameParts, rowNameParts } from "../text/names.js";
import { find } from "./elements.js";

/** @import { SplitText } from "../text/names.js" */

/**
 * Displays a name as templates/uploads/_name.html does.
 * @param {HTMLElement} element with a `data-field` for the folder and one for the file
 * @param {string} name may contain folders, and deceptive characters
 */
export function showName(element, name) {
  const { folder, file } = nameParts(name);
  const folderElement = find(element, "[data-field=folder]");
  folderElement.replaceChildren(...halves(folder));
  folderElement.hidden = folder.head === "";
  find(element, "[data-field=file]").replaceChildren(...halves(file));
}

/**
 * Displays a name on one line: where space is short, its middle is left out.
 * @param {HTMLElement} element
 * @param {string} name without folders
 */
export function showRowName(element, name) {
  element.replaceChildren(...halves(rowNameParts(name)));
}

/** @param {SplitText} text */
function halves({ head, tail }) {
  return [half("name-head", head), ...(tail ? [half("name-tail", tail)] : [])];
}

/**
 * @param {string} name of the class
 * @param {string} text
 */
function half(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}
