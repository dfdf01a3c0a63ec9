/**
 * An element that the page must have.
 * @template {Element} [Kind=HTMLElement]
 * @param {string} id
 * @param {new () => Kind} [kind] HTMLElement unless it has to be a certain one
 * @returns {Kind}
 */
export function byId(id, kind) {
  return checked(document.getElementById(id), `#${id}`, kind);
}

/**
 * The first element within another, which must be there.
 * @template {Element} [Kind=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {new () => Kind} [kind] HTMLElement unless it has to be a certain one
 * @returns {Kind}
 */
export function find(parent, selector, kind) {
  return checked(parent.querySelector(selector), selector, kind);
}

/**
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export function findAll(parent, selector) {
  return [.../** @type {NodeListOf<HTMLElement>} */ (parent.querySelectorAll(selector))];
}

/**
 * @template {Element} Kind
 * @param {Element|null} element
 * @param {string} selector
 * @param {(new () => Kind)|undefined} kind
 * @returns {Kind}
 */
function checked(element, selector, kind) {
  if (element instanceof (kind ?? HTMLElement)) return /** @type {Kind} */ (element);
  throw new Error(`the page has no ${(kind ?? HTMLElement).name} ${selector}`);
}
