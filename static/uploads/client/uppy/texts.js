/** @import { Problem } from "../upload.js" */

/**
 * What users of Uppy read if the server has no sentence of its own, by problem code (docs/uploader.md) or name.
 * @typedef {Record<string, string>} Texts
 */

/** @type {Texts} */
const ENGLISH = {
  too_large: "This file is larger than allowed.",
  file_too_large: "This file is larger than allowed.",
  quota_exceeded: "Your storage is full. Delete files that you no longer need, then retry.",
  type_not_allowed: "Files of this type are not accepted here.",
  name_too_long: "The name of this file is too long. Shorten it, then choose the file again.",
  invalid_name: "The name of this file has characters that are not allowed. Rename it, then choose it again.",
  invalid_folder: "The name of a folder of this file is not allowed. Rename it, then choose the folder again.",
  unreadable: "This file can no longer be read. It may have been moved or changed. Choose it again.",
  changed: "The file was corrupted in transit and discarded. Retry.",
  connection_lost: "The connection to storage was interrupted. Check your connection and retry.",
  network: "The server cannot be reached. Check your connection and retry.",
  storage_refused: "Storage did not accept this file. Retry. If the problem persists, contact your administrator.",
  deleted: "This file was deleted before it was confirmed. Upload it again if you need it.",
  rejected: "This file was not accepted.",
  rate_limited: "Too many requests. Retry in a few minutes.",
  session_ended: "Your session has expired. Sign in again, then retry.",
  csrf_failed: "Your session has changed. Reload the page, then retry.",
  unsupported: "Your browser lacks a function that uploads need. Update it, or use another browser.",
  unexpected: "Something went wrong. Retry.",
  ghost: "Choose this file again: the browser no longer has its content.",
  remote: "Files of other services cannot be uploaded here. Download this file first, then choose it.",
};

/** @type {Texts} */
const GERMAN = {
  too_large: "Diese Datei ist größer als erlaubt.",
  file_too_large: "Diese Datei ist größer als erlaubt.",
  quota_exceeded: "Ihr Speicherplatz ist voll. Löschen Sie nicht mehr benötigte Dateien und versuchen Sie es erneut.",
  type_not_allowed: "Dateien dieses Typs werden hier nicht angenommen.",
  name_too_long: "Der Name dieser Datei ist zu lang. Kürzen Sie ihn und wählen Sie die Datei erneut aus.",
  invalid_name: "Der Name dieser Datei enthält unzulässige Zeichen. Ändern Sie ihn und wählen Sie sie erneut aus.",
  invalid_folder: "Ein Ordner dieser Datei hat einen unzulässigen Namen. Ändern Sie ihn und wählen Sie ihn erneut aus.",
  unreadable:
    "Diese Datei ist nicht mehr lesbar. Vielleicht wurde sie verschoben oder geändert. Wählen Sie sie erneut aus.",
  changed: "Die Datei kam beschädigt an und wurde verworfen. Versuchen Sie es erneut.",
  connection_lost:
    "Die Verbindung zum Speicher wurde unterbrochen. Prüfen Sie Ihre Verbindung und versuchen Sie es erneut.",
  network: "Der Server ist nicht erreichbar. Prüfen Sie Ihre Verbindung und versuchen Sie es erneut.",
  storage_refused:
    "Der Speicher hat diese Datei nicht angenommen. Versuchen Sie es erneut. Wenn das nicht hilft, wenden Sie sich an Ihre Administration.",
  deleted: "Diese Datei wurde gelöscht, bevor sie bestätigt war. Laden Sie sie bei Bedarf erneut hoch.",
  rejected: "Diese Datei wurde nicht angenommen.",
  rate_limited: "Zu viele Anfragen. Versuchen Sie es in einigen Minuten erneut.",
  session_ended: "Ihre Sitzung ist abgelaufen. Melden Sie sich wieder an und versuchen Sie es erneut.",
  csrf_failed: "Ihre Sitzung hat sich geändert. Laden Sie die Seite neu und versuchen Sie es erneut.",
  unsupported:
    "Ihrem Browser fehlt eine Funktion, die zum Hochladen nötig ist. Aktualisieren Sie ihn oder verwenden Sie einen anderen.",
  unexpected: "Etwas ist schiefgegangen. Versuchen Sie es erneut.",
  ghost: "Wählen Sie diese Datei erneut aus: Der Browser hat ihren Inhalt nicht mehr.",
  remote:
    "Dateien anderer Dienste können hier nicht hochgeladen werden. Laden Sie diese Datei herunter und wählen Sie sie dann aus.",
};

/**
 * @param {string} language of the page, such as "de-AT"
 * @param {Texts} [own] of the integrator
 * @returns {Texts}
 */
export function textsIn(language, own = {}) {
  return { ...ENGLISH, ...(/^de\b/i.test(language) ? GERMAN : {}), ...own };
}

/**
 * @param {Problem|null} problem
 * @param {Texts} texts
 * @returns {string} a sentence. A rejection has the server's, in the language of the user.
 */
export function explain(problem, texts) {
  const { code = "unexpected", message } = problem ?? {};
  if (code === "rejected" && message) return message;
  return (Object.hasOwn(texts, code) && texts[code]) || message || texts.unexpected;
}
