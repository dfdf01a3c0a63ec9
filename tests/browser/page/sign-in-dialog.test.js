import { PageSession } from "../../../static/uploads/page/session/page-session.js";
import { SignInDialog } from "../../../static/uploads/page/session/sign-in-dialog.js";
import { messages } from "../../../static/uploads/page/text/messages.js";
import { byId, find } from "../../../static/uploads/page/ui/elements.js";
import { replace, respondInPart, shortenWaits } from "../client/silence.js";
import { until } from "../client/support.js";
import { equal, test } from "../client/testing.js";

const MARKUP = `
  <p id="session-notice"><button id="sign-in-again">Sign in</button></p>
  <dialog id="session-dialog">
    <form id="session-form" action="/accounts/login/">
      <input id="session-password" type="password" name="password">
      <button type="submit">Sign in</button>
    </form>
    <p id="session-error"></p>
  </dialog>`;

test("signing in can be tried again when the server's response stops in its body", async () => {
  document.body.innerHTML = MARKUP;
  shortenWaits();
  const form = byId("session-form", HTMLFormElement);
  const button = find(form, "[type=submit]", HTMLButtonElement);
  new SignInDialog(new PageSession("/accounts/session", "1"));
  // The server's answer whether there is a session, and then that to the form.
  for (const stops of ["/accounts/session", "/accounts/login/"]) {
    /** @param {string} url @param {RequestInit} options */
    const respond = async (url, options) =>
      url.endsWith(stops) ? respondInPart(url, options) : Response.json({ user: null, csrf_token: "" });
    replace(globalThis, "fetch", respond);
    form.requestSubmit();
    equal(button.getAttribute("aria-disabled"), "true", stops);
    await until(() => !button.hasAttribute("aria-disabled"));
    equal(byId("session-error").textContent, messages.session.unreachable, stops);
  }
});
