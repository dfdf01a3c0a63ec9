import { Api, Uploader } from "../client/index.js";
import { Downloads } from "./files/downloads.js";
import { FileList } from "./files/file-list.js";
import { ListProblem } from "./files/list-problem.js";
import { replaceBrokenPictures } from "./files/pictures.js";
import { Quota } from "./files/quota.js";
import { acceptFiles } from "./intake/dropzone.js";
import { Intake } from "./intake/intake.js";
import { PageSession } from "./session/page-session.js";
import { SignInDialog } from "./session/sign-in-dialog.js";
import { messages } from "./text/messages.js";
import { Announcer } from "./ui/announcer.js";
import { byId, find, findAll } from "./ui/elements.js";
import { InterruptedList } from "./uploads/interrupted-list.js";
import { UploadList } from "./uploads/upload-list.js";

const config = JSON.parse(byId("upload-config").textContent);
const api = new Api(find(document, "meta[name=csrf-token]", HTMLMetaElement).content, config.namespace);
const uploader = new Uploader(api, {
  maxSize: config.max_size,
  allowedTypes: config.accepted_types,
  concurrency: config.concurrency,
  wholeLimit: config.whole_limit,
  namespace: config.namespace,
  workerUrl: config.worker_url,
});
const session = new PageSession(byId("session-dialog").dataset.sessionUrl ?? "", config.namespace);
const announcer = new Announcer(byId("announcer"), () => uploader.totals);
const intake = new Intake(uploader, announcer, { status: byId("reading"), hint: byId("drop-hint"), notify });
const uploadList = new UploadList(uploader, config, {
  onCancelAll: () => intake.stop(),
  onEnd: (stored, notUploaded) => announcer.done(stored, notUploaded),
});
const interruptedList = new InterruptedList(uploader, announcer, {
  onChange: () => uploadList.showInterrupted(interruptedList.size),
  onContinue: (upload) => uploadList.focusRow(upload),
});
const quota = new Quota(document.getElementById("quota"), api);
const listProblem = new ListProblem();
const fileList = new FileList(api, announcer, {
  onSessionEnded: () => session.lost(),
  onListFailed: (problem, retry) => listProblem.show(problem, retry),
  onListed: () => listProblem.clear(),
  onDelete: (id) => uploader.forget(id),
  onDeleted: () => quota.refresh(),
});

replaceBrokenPictures(byId("files"));
new SignInDialog(session);
new Downloads(api, announcer, { onSessionEnded: () => session.lost() });

acceptFiles({
  filesButton: byId("choose-files", HTMLButtonElement),
  filesInput: byId("file-input", HTMLInputElement),
  folderButton: byId("choose-folder", HTMLButtonElement),
  folderInput: byId("folder-input", HTMLInputElement),
  overlay: byId("drop-overlay"),
  onFiles(files, folders) {
    byId("drop-notice").hidden = true;
    intake.add(files, folders);
  },
  onPickFolder(files) {
    byId("drop-notice").hidden = true;
    intake.addPicked(files);
  },
});

uploader.addEventListener("state", ({ detail: upload }) => {
  if (upload.state === "stored") {
    announcer.say(upload.alreadyStored ? "alreadyStored" : "stored", upload.place);
    if (!upload.alreadyStored && upload.id) fileList.show(upload.id, upload.name);
    quota.refresh();
  } else if (upload.state === "failed" || upload.state === "rejected") {
    announcer.say(upload.state, upload.place, { why: uploadList.explain(upload) });
  }
});
uploader.addEventListener("sessionend", () => session.lost());
session.addEventListener("renewed", () => {
  api.useToken(session.csrfToken);
  // Those to sign out and to choose a language.
  for (const field of findAll(document, "[name=csrfmiddlewaretoken]")) field.setAttribute("value", session.csrfToken);
  uploader.tryNow();
  fileList.signedIn();
  listProblem.signedIn();
  announcer.note(messages.session.renewed);
});
uploader.addEventListener("connection", () => {
  showConnection();
  announcer.note(uploader.online ? messages.online : messages.offline);
});
showConnection();

find(byId("drop-notice"), "[data-close]").addEventListener("click", () => {
  byId("drop-notice").hidden = true;
  byId("choose-files").focus();
});

byId("try-now").addEventListener("click", () => uploader.tryNow());

addEventListener("beforeunload", (event) => {
  // Another user's page cannot finish these uploads.
  if (uploader.busy && session.state !== "another_user") event.preventDefault();
});

function showConnection() {
  const notice = byId("offline-notice");
  // Hiding the button that has the focus would lose it.
  if (uploader.online && notice.contains(document.activeElement)) byId("choose-files").focus();
  notice.hidden = uploader.online;
}

/** @param {string} sentence */
function notify(sentence) {
  const notice = byId("drop-notice");
  find(notice, "[data-field=text]").textContent = sentence;
  notice.hidden = false;
  announcer.note(sentence);
}
