import { UploadRow } from "../../../static/uploads/page/uploads/upload-row.js";

/** What templates/uploads/home.html has for the uploads, without what scripts do not need. */
const ROW = `
  <li data-upload-row>
    <span class="tile"><svg><use href="icons.svg#state-queued"></use></svg></span>
    <p data-field="name"><span data-field="folder"></span><span data-field="file"></span></p>
    <progress max="100"></progress>
    <p data-status><strong data-field="state"></strong> <span data-field="percent"></span><span data-field="detail"></span></p>
    <button data-action="pause" hidden><svg><use data-href="icons.svg#state-paused"></use></svg><span class="label"></span></button>
    <button data-action="resume" hidden><svg><use data-href="icons.svg#resume"></use></svg></button>
    <button data-action="cancel" hidden><svg><use data-href="icons.svg#close"></use></svg></button>
    <button data-action="retry" hidden><svg><use data-href="icons.svg#retry"></use></svg></button>
    <button data-action="again" hidden><svg><use data-href="icons.svg#state-uploading"></use></svg></button>
    <button data-action="dismiss" hidden><svg><use data-href="icons.svg#close"></use></svg></button>
  </li>`;

export const ALL = `
  <h2 id="uploads-heading" tabindex="-1"></h2>
  <p><button id="show-failed"></button><span id="uploads-summary"></span></p>
  <button id="pause-all"></button><button id="resume-all"></button><button id="cancel-all"></button>
  <button id="retry-all"></button><button id="clear-finished"></button>
  <div id="overall">
    <p id="overall-percent"></p><progress id="overall-progress" max="100"></progress><p id="overall-detail"></p>
  </div>
  <dialog id="cancel-dialog"></dialog>`;

/**
 * The row of an upload, with buttons that do nothing.
 * @param {import("../../../static/uploads/client/upload.js").Upload} upload
 */
export function makeRow(upload) {
  const template = document.createElement("template");
  template.innerHTML = ROW;
  const nothing = () => {};
  const actions = {
    pause: nothing,
    resume: nothing,
    cancel: nothing,
    retry: nothing,
    again: nothing,
    dismiss: nothing,
  };
  return new UploadRow(template, upload, { maxSize: "", types: "" }, actions);
}
