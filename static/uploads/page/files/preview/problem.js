/**
 * Why a file is not shown. `type`, `too_large` and `empty` are the server's; it is not asked about files that are
 * `trashed`, `rejected` or `scanning`. The others happen while the content is loaded.
 * @typedef {"type"|"too_large"|"empty"|"trashed"|"rejected"|"scanning"|"gone"|"expired"|"unreachable"|"broken"} PreviewCode
 */

/** A file cannot be shown, or not now. */
export class PreviewProblem extends Error {
  /** @param {PreviewCode} code */
  constructor(code) {
    super(`the file cannot be shown: ${code}`);
    this.name = "PreviewProblem";
    this.code = code;
  }
}
