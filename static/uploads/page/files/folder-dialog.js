import { actionMessages } from "../text/action-messages.js";
import { find } from "../ui/elements.js";
import { joined } from "./changes/item-changes.js";

/** Asks for the name of a new folder. What is wrong is said beside the field, and the dialog stays open. */
export class FolderDialog {
  #dialog;
  #create;
  #input;
  #problem;
  #parent = "";

  /**
   * @param {HTMLDialogElement} dialog as in templates/uploads/_action_dialogs.html
   * @param {(path: string) => Promise<string>} create returns why there is no new folder; empty if there is one
   */
  constructor(dialog, create) {
    this.#dialog = dialog;
    this.#create = create;
    this.#input = find(dialog, "input", HTMLInputElement);
    this.#problem = find(dialog, "[data-field=problem]");
    find(dialog, "form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    find(dialog, "[data-cancel]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    this.#input.addEventListener("input", () => this.#say(""));
  }

  /** @param {string} parent the path of the folder in which the new one will be; empty for the root */
  open(parent) {
    this.#parent = parent;
    this.#input.value = "";
    this.#say("");
    this.#dialog.showModal();
  }

  async #submit() {
    if (this.#input.readOnly) return;
    this.#input.readOnly = true;
    try {
      const sentence = await createIn(this.#parent, this.#input.value, this.#create);
      if (sentence) this.#say(sentence);
      else this.#dialog.close();
    } finally {
      this.#input.readOnly = false;
    }
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.#problem.textContent = sentence;
    if (!sentence) return this.#input.removeAttribute("aria-invalid");
    this.#input.setAttribute("aria-invalid", "true");
    this.#input.focus();
  }
}

/**
 * @param {string} parent
 * @param {string} name as it was entered
 * @param {(path: string) => Promise<string>} create
 * @returns {Promise<string>} why there is no new folder; empty if there is one
 */
export async function createIn(parent, name, create) {
  if (name.trim() === "") return actionMessages.enterName;
  if (name.includes("/")) return actionMessages.noSlash;
  return await create(joined(parent, name));
}
