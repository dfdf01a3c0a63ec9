import { actionMessages, reasonFor } from "../../text/action-messages.js";
import { nameOf } from "../types.js";

/** @import { ApiError } from "../../../client/index.js" */
/** @import { Verb } from "../../text/action-messages.js" */
/** @import { Item } from "../types.js" */

/** @typedef {{item: Item, error: ApiError}} Failure */

/**
 * What became of the items of an action.
 * @typedef {object} Outcome
 * @property {Item[]} done
 * @property {Failure[]} failed
 */

/** Reasons in one sentence, so that a toast stays short. */
const MAX_REASONS = 3;

/** Codes of items that are no longer where the list shows them: they are not put back into it. */
const GONE = new Set(["file_not_found", "folder_not_found", "being_deleted"]);

/**
 * @param {Outcome} outcome
 * @returns {Item[]} those that stay in the list, because they were not changed and still exist
 */
export function remaining({ failed }) {
  return failed.filter(({ error }) => !GONE.has(error.code)).map(({ item }) => item);
}

/**
 * Says what has happened to each of the items, and why something has not.
 * @param {Verb} verb
 * @param {Outcome} outcome
 * @param {(done: Item[]) => string} [describe] says what was done, if it is more than the verb says
 * @returns {string}
 */
export function report(verb, { done, failed }, describe = (items) => doneSentence(verb, items)) {
  const sentences = done.length > 0 ? [describe(done)] : [];
  const errors = failed.map(({ error }) => error);
  if (failed.length > 0) sentences.push(failure(verb, errors, done.length + failed.length, nameOf(failed[0].item)));
  return sentences.join(" ");
}

/**
 * @param {Verb} verb
 * @param {Item[]} items at least one
 */
function doneSentence(verb, items) {
  return actionMessages.done[verb](items.length, nameOf(items[0]));
}

/**
 * Says what has not happened, and why.
 * @param {Verb} verb
 * @param {ApiError[]} errors at least one
 * @param {number} count of everything that should have been changed
 * @param {string} name of it, if it was one
 * @returns {string}
 */
export function failure(verb, errors, count, name) {
  const reasons = new Set(errors.map(reasonFor));
  const shown = [...reasons].slice(0, MAX_REASONS).join(" ") + (reasons.size > MAX_REASONS ? " …" : "");
  const beginning =
    count === 1 ? actionMessages.failedOne[verb](name) : actionMessages.failedMany[verb](errors.length, count);
  return `${beginning} ${shown}`;
}
