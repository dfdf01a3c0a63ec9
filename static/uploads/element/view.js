import { bytes } from "../page/text/format.js";
import { setAttribute, setText, setVisible } from "../page/ui/rendering.js";
import { acceptFiles } from "./intake.js";
import { create } from "./row.js";
import { describeTypes, words } from "./words.js";

let count = 0;

/** What an element shows beside its files: a button, what it accepts, and sentences. */
export class View {
  list = create("ul", "filehub-files");
  button = create("button", "filehub-button");
  /** Announces to screen readers. */
  status = create("span", "filehub-status-region");
  #host;
  #input = create("input");
  #drop = create("span", "filehub-drop");
  #accepted = create("span", "filehub-accepted");
  #problem = create("p", "filehub-problem");

  /**
   * @param {HTMLElement} host whose content is replaced
   * @param {(files: File[], problem: string) => void} onFiles `problem`: what was left out; empty if nothing was
   */
  constructor(host, onFiles) {
    this.#host = host;
    count += 1;
    const id = `filehub-upload-${count}`;
    this.list.setAttribute("role", "list");
    Object.assign(this.button, { type: "button", id: `${id}-button` });
    this.#accepted.id = `${id}-accepted`;
    this.#problem.setAttribute("role", "alert");
    this.status.setAttribute("role", "status");
    Object.assign(this.#input, { type: "file", hidden: true });
    this.#pickWith(onFiles);
    const zone = create("div", "filehub-zone");
    zone.append(this.button, this.#drop, this.#accepted, this.#input);
    host.replaceChildren(this.list, zone, this.#problem, this.status);
    acceptFiles(host, onFiles);
    this.showProblem("");
  }

  /** @param {string} sentence empty for none */
  showProblem(sentence) {
    setText(this.#problem, sentence);
    setVisible(this.#problem, sentence !== "");
  }

  /**
   * @param {object} choice
   * @param {boolean} choice.isMultiple
   * @param {boolean} choice.isDisabled
   * @param {boolean} choice.hasFiles
   * @param {number} choice.maxSize bytes
   * @param {string[]} choice.types
   */
  showChoice({ isMultiple, isDisabled, hasFiles, maxSize, types }) {
    this.#input.multiple = isMultiple;
    this.#input.accept = types.includes("*") ? "" : types.join(",");
    this.button.disabled = isDisabled;
    if (isMultiple) setText(this.button, hasFiles ? words.addMore : words.chooseSeveral);
    else setText(this.button, hasFiles ? words.chooseOther : words.choose);
    setText(this.#drop, isMultiple ? words.dropSeveral : words.drop);
    setVisible(this.#drop, !isDisabled);
    setText(this.#accepted, describeLimits(types, maxSize, isMultiple));
    setVisible(this.list, hasFiles);
  }

  /**
   * The button has the element's label as a part of its name, and its help text as its description.
   * @param {Iterable<Node>} labels
   */
  labelWith(labels) {
    const ids = [...labels].map((label, index) => {
      const element = /** @type {HTMLElement} */ (label);
      element.id ||= `${this.button.id}-label-${index}`;
      return element.id;
    });
    const host = this.#host;
    if (!host.hasAttribute("role")) host.setAttribute("role", "group");
    if (ids.length > 0) {
      setAttribute(host, "aria-labelledby", ids.join(" "));
      setAttribute(this.button, "aria-labelledby", [this.button.id, ...ids].join(" "));
    }
    const help = host.getAttribute("aria-describedby");
    setAttribute(this.button, "aria-describedby", help ? `${this.#accepted.id} ${help}` : this.#accepted.id);
  }

  /** @param {(files: File[], problem: string) => void} onFiles */
  #pickWith(onFiles) {
    const input = this.#input;
    this.button.addEventListener("click", () => input.click());
    // The form's own listeners hear of a file when it is stored.
    input.addEventListener("input", (event) => event.stopPropagation());
    input.addEventListener("change", (event) => {
      event.stopPropagation();
      onFiles([...(input.files ?? [])], "");
      // Otherwise choosing the same file again would not be a change.
      input.value = "";
    });
  }
}

/**
 * @param {string[]} types
 * @param {number} maxSize bytes
 * @param {boolean} isMultiple
 */
function describeLimits(types, maxSize, isMultiple) {
  const sentences = [];
  const names = describeTypes(types);
  if (names) sentences.push(words.types(names));
  if (maxSize < Infinity) sentences.push((isMultiple ? words.maxSizeEach : words.maxSize)(bytes(maxSize)));
  return sentences.join(" ");
}
