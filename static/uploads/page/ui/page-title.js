import { messages } from "../text/messages.js";

/** What the page shows, without the progress of the uploads. @type {string|null} */
let name = null;
let progress = "";

/** @param {string} title what the page shows now */
export function nameTitle(title) {
  name = title;
  show();
}

/** @param {string} percent of all uploads; empty for none */
export function showProgressInTitle(percent) {
  name ??= document.title;
  progress = percent;
  show();
}

function show() {
  const title = progress && name !== null ? messages.overall.title(progress, name) : (name ?? document.title);
  // Setting the same title again costs the browser work.
  if (document.title !== title) document.title = title;
}
