// Signing out erases the names of unfinished files from the browser's storage, because others may use the browser too.

import { forgetNames, within } from "../client/index.js";
import { find } from "./ui/elements.js";

/** Milliseconds. Signing out must work even if the browser's storage does not answer. */
const TIMEOUT = 2_000;

/** Not on every page, such as the admin site's popups. @type {HTMLFormElement|null} */
const form = document.querySelector("form[data-sign-out]");
form?.addEventListener("submit", (event) => signOut(event, form), { once: true });

/**
 * @param {SubmitEvent} event
 * @param {HTMLFormElement} form
 */
async function signOut(event, form) {
  event.preventDefault();
  const { content: namespace } = find(document, "meta[name=filehub-user]", HTMLMetaElement);
  try {
    await within(forgetNames(namespace), TIMEOUT);
  } catch (error) {
    console.warn("filehub: names of unfinished uploads may be left in this browser:", error);
  }
  form.submit();
}
