import { Api, FilesApi, isSignedOut, Uploader } from "../client/index.js";
import { Downloads } from "./files/downloads.js";
import { ListProblem } from "./files/list-problem.js";
import { placeOf } from "./files/place.js";
import { Quota } from "./files/quota.js";
import { FileStore } from "./files/store.js";
import { acceptFiles } from "./intake/dropzone.js";
import { Intake } from "./intake/intake.js";
import { PageSession } from "./session/page-session.js";
import { SignInDialog } from "./session/sign-in-dialog.js";
import { messages } from "./text/messages.js";
import { Announcer } from "./ui/announcer.js";
import { byId, find } from "./ui/elements.js";
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
const firstPage = JSON.parse(byId("first-page").textContent);
const store = new FileStore(new FilesApi(api), placeOf(location.search), firstPage);
store.addEventListener("state", () => {
  const { problem } = store;
  if (problem && store.state === "ready") listProblem.show(problem, () => store.retry());
  else listProblem.clear();
  if (isSignedOut(problem)) session.lost();
});

new SignInDialog(session);
new Downloads(api, announcer, { notify, onSessionEnded: () => session.lost() });

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
    quota.refresh();
  } else if (upload.state === "failed" || upload.state === "rejected") {
    announcer.say(upload.state, upload.place, { why: uploadList.explain(upload) });
  }
});
uploader.addEventListener("sessionend", () => session.lost());
session.addEventListener("renewed", () => {
  api.useToken(session.csrfToken);
  uploader.tryNow();
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
