import { Api } from "../client/api.js";
import { Uploader } from "../client/uploader.js";
import { Announcer } from "./announcer.js";
import { takeFiles } from "./dropzone.js";
import { FileList } from "./file-list.js";
import { messages } from "./messages.js";
import { UploadList } from "./upload-list.js";

const byId = (id) => document.getElementById(id);

const config = JSON.parse(byId("upload-config").textContent);
const api = new Api(document.querySelector("meta[name=csrf-token]").content);
const uploader = new Uploader(config, api);
const announcer = new Announcer(byId("announcer"));
const uploadList = new UploadList(uploader, config);
const fileList = new FileList(api, announcer, {
  onSessionEnded: sessionEnded,
  onListFailed: () => notify(messages.listFailed),
});

takeFiles({
  button: byId("choose-files"),
  input: byId("file-input"),
  curtain: byId("drop-curtain"),
  onFiles(files) {
    byId("drop-notice").hidden = true;
    uploader.add(files);
  },
  onFolders: (names) => notify(messages.folders(names)),
});

uploader.addEventListener("add", ({ detail: upload }) => announcer.say("added", upload.name));
uploader.addEventListener("state", ({ detail: upload }) => {
  if (upload.state === "stored") {
    announcer.say("stored", upload.name);
    fileList.show(upload.id, upload.name);
  } else if (upload.state === "failed" || upload.state === "rejected") {
    announcer.say(upload.state, upload.name, uploadList.explain(upload));
  }
});
uploader.addEventListener("sessionend", sessionEnded);
byId("drop-notice").querySelector("[data-close]").addEventListener("click", () => {
  byId("drop-notice").hidden = true;
  byId("choose-files").focus();
});

addEventListener("beforeunload", (event) => {
  if (uploader.busy) event.preventDefault();
});

function sessionEnded() {
  byId("session-notice").hidden = false;
}

/** @param {string} sentence */
function notify(sentence) {
  const notice = byId("drop-notice");
  notice.querySelector("[data-field=text]").textContent = sentence;
  notice.hidden = false;
  announcer.say("problem", sentence);
}
