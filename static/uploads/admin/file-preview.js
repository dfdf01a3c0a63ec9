// The preview on the page of a file, from the address that the server has put there.

import { Stage } from "../page/files/preview/stage.js";
import { makeView } from "../page/files/preview/views.js";
import { byId, find } from "../page/ui/elements.js";

/** @import { PreviewSource } from "../client/index.js" */

/** @type {{name: string, size: number, source: PreviewSource}} */
const { name, size, source } = JSON.parse(byId("file-preview").textContent);
const { signal } = new AbortController();

const stage = new Stage(find(document, "[data-stage]"), {
  // With another address.
  onRetry: () => location.reload(),
  onDownload: () => byId("file-download").click(),
});
stage.show(makeView(source, { name, size, signal }));
