import { language } from "../../text/language.js";
import { displayName } from "../../text/names.js";
import { previewMessages } from "../../text/preview-messages.js";
import { find } from "../../ui/elements.js";

/** @import { ListedFile } from "../types.js" */

const localTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });

/** The panel with what is known of a file. */
export class Details {
  #panel;

  /** @param {HTMLElement} panel */
  constructor(panel) {
    this.#panel = panel;
  }

  /** @param {ListedFile} file */
  show(file) {
    this.#fill("reason", displayName(file.reason ?? ""));
    this.#fill("type_name", file.type_name);
    this.#fill("content_type", file.content_type);
    this.#fill("size", previewMessages.exactSize(file.size));
    this.#fill("folder", file.folder ? displayName(file.folder) : previewMessages.root);
    this.#fill("id", file.id);
    const { digest, isOfParts } = readableChecksum(file.checksum);
    this.#fill("sha256", isOfParts ? "" : digest);
    this.#fill("sha256_parts", isOfParts ? digest : "");
    this.#time("created_at", file.created_at);
    this.#time("confirmed_at", file.confirmed_at);
    this.dimensions(null);
    for (const status of this.#panel.querySelectorAll("[data-copied]")) status.textContent = "";
  }

  /** @param {{width: number, height: number}|null} pixels once they are known */
  dimensions(pixels) {
    this.#fill("dimensions", pixels ? `${pixels.width} × ${pixels.height}` : "");
  }

  /**
   * @param {string} name
   * @param {string} text empty to hide the entry
   */
  #fill(name, text) {
    const field = find(this.#panel, `[data-field=${name}]`);
    field.textContent = text;
    const entry = field.closest("[data-entry]");
    if (entry instanceof HTMLElement) entry.hidden = text === "";
  }

  /**
   * @param {string} name
   * @param {string|null} moment ISO 8601, UTC
   */
  #time(name, moment) {
    const time = moment ? new Date(moment) : null;
    this.#fill(name, time ? localTime.format(time) : "");
    find(this.#panel, `[data-field=${name}_utc]`).textContent = time ? previewMessages.utc(inUtc(time)) : "";
  }
}

/** @param {Date} time */
function inUtc(time) {
  return time.toISOString().slice(0, 19).replace("T", " ");
}

/**
 * A checksum as programs such as sha256sum write it. Storage computes that of a file in parts from theirs, which no
 * program does; it stays as it is.
 * @param {string} checksum base64, with "-" and the number of parts if it was computed from theirs; may be empty
 * @returns {{digest: string, isOfParts: boolean}}
 */
export function readableChecksum(checksum) {
  if (checksum.includes("-")) return { digest: checksum, isOfParts: true };
  const bytes = [...atob(checksum)].map((character) => character.charCodeAt(0).toString(16).padStart(2, "0"));
  return { digest: bytes.join(""), isOfParts: false };
}
