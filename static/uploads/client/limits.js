import { isNameInvalid, isNameTooLong } from "./names.js";

/**
 * The limits that are checked without asking the server.
 * @typedef {object} Limits
 * @property {number} maxSize bytes
 * @property {string[]} allowedTypes such as "image/png", "image/*" and "*"
 */

/**
 * @param {{name: string, folder?: string, type: string, size: number}} file
 * @param {Limits} limits
 * @returns {string|null} the problem code of a file that may not be uploaded
 */
export function findProblem(file, limits) {
  if (file.size > limits.maxSize) return "too_large";
  if (!isAllowed(file.type, limits.allowedTypes)) return "type_not_allowed";
  if (isNameTooLong(file.name)) return "name_too_long";
  if (isNameInvalid(file.name)) return "invalid_name";
  if (isNameInvalid(file.folder ?? "")) return "invalid_folder";
  return null;
}

/**
 * @param {string} type
 * @param {string[]} allowed
 */
function isAllowed(type, allowed) {
  const name = type.split(";", 1)[0].trim().toLowerCase();
  const anyOfGroup = `${name.split("/", 1)[0]}/*`;
  return allowed.some((pattern) => ["*", "*/*", name, anyOfGroup].includes(pattern.toLowerCase()));
}
