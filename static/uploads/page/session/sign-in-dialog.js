import { timeoutSignal } from "../../client/index.js";
import { messages } from "../text/messages.js";
import { byId, find, findAll } from "../ui/elements.js";

/** @import { PageSession, ServerState } from "./page-session.js" */

/** Milliseconds for the whole response. */
const TIMEOUT = 30_000;

/**
 * The dialog in which the user signs in again, and the notice that stays when it is closed. It opens when the session
 * ends and closes when the session is back, also if the user has signed in elsewhere.
 */
export class SignInDialog {
  #session;
  #csrfHeader;
  #dialog = byId("session-dialog", HTMLDialogElement);
  #notice = byId("session-notice");
  /** Null if the site's sign-in page is not filehub's. */
  #form = /** @type {HTMLFormElement|null} */ (document.getElementById("session-form"));

  /**
   * @param {PageSession} session
   * @param {string} [csrfHeader]
   */
  constructor(session, csrfHeader = "X-CSRFToken") {
    this.#session = session;
    this.#csrfHeader = csrfHeader;
    session.addEventListener("change", () => this.#show());
    this.#form?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    byId("sign-in-again").addEventListener("click", () => this.#open());
    for (const button of findAll(this.#dialog, "[data-cancel]")) {
      button.addEventListener("click", () => this.#dialog.close());
    }
    for (const button of findAll(document, "[data-reload]")) {
      button.addEventListener("click", () => location.reload());
    }
    // The event comes late on a busy page: the dialog may be open again, and the password half typed.
    this.#dialog.addEventListener("close", () => this.#dialog.open || this.#clear());
  }

  #show() {
    const { state } = this.#session;
    this.#notice.hidden = state === "active";
    for (const root of [this.#dialog, this.#notice]) {
      for (const element of findAll(root, "[data-for]")) element.hidden = element.dataset.for !== state;
    }
    this.#dialog.setAttribute("aria-labelledby", state === "ended" ? "session-title" : "other-user-title");
    this.#dialog.setAttribute("aria-describedby", state === "ended" ? "session-text" : "other-user-text");
    if (state === "active") this.#dialog.close();
    else if (!this.#dialog.open) this.#open();
  }

  #open() {
    this.#clear();
    this.#dialog.showModal();
  }

  #clear() {
    if (!this.#form) return;
    find(this.#form, "[type=password]", HTMLInputElement).value = "";
    this.#fail("");
  }

  async #submit() {
    const form = /** @type {HTMLFormElement} */ (this.#form);
    const button = find(form, "[type=submit]", HTMLButtonElement);
    if (button.getAttribute("aria-disabled")) return;
    // Not `disabled`, which would lose the focus.
    button.setAttribute("aria-disabled", "true");
    this.#fail("");
    try {
      await this.#signIn(new FormData(form));
    } catch {
      // No response, or one that is not JSON.
      this.#fail(messages.session.unreachable);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  }

  /** @param {FormData} fields */
  async #signIn(fields) {
    // The CSRF token may have changed since the page was loaded.
    const server = await this.#session.fetch();
    if (!server) return this.#fail(messages.session.unreachable);
    if (server.user !== null) return this.#session.apply(server);
    const form = /** @type {HTMLFormElement} */ (this.#form);
    const response = await fetch(form.action, {
      method: "POST",
      credentials: "same-origin",
      headers: { Accept: "application/json", [this.#csrfHeader]: server.csrf_token },
      body: new URLSearchParams(/** @type {Record<string, string>} */ (Object.fromEntries(fields))),
      signal: timeoutSignal(TIMEOUT),
    });
    const body = await response.json();
    if (response.ok) this.#session.apply(/** @type {ServerState} */ (body));
    else this.#refuse(response, body);
  }

  /**
   * @param {Response} response
   * @param {{error?: string, code?: string}} body
   */
  #refuse(response, body) {
    const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
    if (response.status === 429) {
      this.#fail(messages.session.tooManyAttempts(Math.max(1, Math.ceil((seconds || 0) / 60))));
    } else if (response.status === 400 && body.error) {
      // The form's own sentence, in the language of the page.
      this.#fail(body.error);
    } else {
      this.#fail(response.status >= 500 ? messages.session.unreachable : messages.session.failed);
    }
  }

  /** @param {string} sentence empty for none */
  #fail(sentence) {
    byId("session-error").textContent = sentence;
    const password = byId("session-password", HTMLInputElement);
    password.setAttribute("aria-invalid", String(sentence !== ""));
    if (!sentence) return;
    password.focus();
    password.select();
  }
}
