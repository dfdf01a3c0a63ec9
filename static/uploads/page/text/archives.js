import { ZipError } from "../../client/zip/index.js";
import { bytes } from "./format.js";
import { fill, gettext } from "./language.js";
import { displayName } from "./names.js";

/**
 * @param {unknown} error why there is no ZIP archive
 * @returns {string} a sentence for the user
 */
export function explainArchive(error) {
  if (!(error instanceof ZipError)) return gettext("The archive could not be made. Try again.");
  const name = displayName(error.path);
  switch (error.code) {
    case "too_large":
      return fill(
        gettext(
          "This browser can make archives of up to %(limit)s. Select fewer files, or use Chrome or Edge on a computer.",
        ),
        { limit: bytes(error.limit) },
      );
    case "member_failed":
      return fill(gettext("“%(name)s” could not be downloaded, so no archive was saved. Try again."), { name });
    case "member_size":
      return fill(gettext("“%(name)s” did not arrive completely, so no archive was saved. Try again."), { name });
    case "not_saved":
      return gettext("The archive could not be saved. There may not be enough space.");
  }
}
