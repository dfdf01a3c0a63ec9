/**
 * Shows a file's icon if its thumbnail cannot be loaded: it may have just been deleted, or its address has expired.
 * @param {HTMLElement} list also rows that it gets later
 */
export function replaceBrokenPictures(list) {
  /** @param {Event} event */
  const replace = ({ target }) => target instanceof HTMLImageElement && target.remove();
  // These events do not bubble.
  list.addEventListener("error", replace, { capture: true });
  // Those that failed before this script ran. Pictures that are not loaded yet have no width either, but are not complete.
  for (const picture of list.querySelectorAll("img")) {
    if (picture.complete && picture.naturalWidth === 0) picture.remove();
  }
}
