/** Characters of a block: few enough that the browser lays it out in a frame. */
const BLOCK = 16_384;

/**
 * Displays a text in blocks, which the browser lays out only when they are scrolled into view.
 * @param {string} text with line feeds
 * @returns {HTMLPreElement}
 */
export function textBlocks(text) {
  const pre = document.createElement("pre");
  for (const part of split(text)) {
    const block = document.createElement("div");
    block.dir = "auto";
    block.textContent = part;
    pre.append(block);
  }
  return pre;
}

/**
 * Splits after line feeds. Lines that are longer than a block are split too.
 * @param {string} text
 * @returns {string[]}
 */
export function split(text) {
  const parts = [];
  let start = 0;
  while (start < text.length) {
    const line = text.lastIndexOf("\n", start + BLOCK - 1);
    const end = line >= start ? line + 1 : wholeCharacter(text, start + BLOCK);
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}

/**
 * @param {string} text
 * @param {number} end
 */
function wholeCharacter(text, end) {
  const unit = text.charCodeAt(end);
  return unit >= 0xdc00 && unit <= 0xdfff ? end - 1 : end;
}
