/**
 * Finds an element that must be on the page.
 * @template {Element} [Kind=HTMLElement]
 * @param {string} id
 * @param {new () => Kind} [kind] the expected class, HTMLElement by default
 * @returns {Kind}
 */
export function byId(id, kind) {
  return required(document.getElementById(id), `#${id}`, kind);
}

/**
 * Finds the first matching element, which must exist.
 * @template {Element} [Kind=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {new () => Kind} [kind] the expected class, HTMLElement by default
 * @returns {Kind}
 */
export function find(parent, selector, kind) {
  return required(parent.querySelector(selector), selector, kind);
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
function required(element, selector, kind) {
  if (element instanceof (kind ?? HTMLElement)) return /** @type {Kind} */ (element);
  throw new Error(`the page has no ${(kind ?? HTMLElement).name} ${selector}`);
}
