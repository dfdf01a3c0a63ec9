import { Api, FilesApi, Uploader } from "../client/index.js";
import { connectActions } from "./files/action-controls.js";
import { Arrivals } from "./files/arrivals.js";
import { Downloads } from "./files/downloads.js";
import { createFilesPage } from "./files/files-page.js";
import { Live } from "./files/live.js";
import { Pictures } from "./files/pictures.js";
import { placeOf } from "./files/place.js";
import { Preview } from "./files/preview/preview.js";
import { Quota } from "./files/quota.js";
import { FileStore } from "./files/store.js";
import { DestinationSelect, limitsByName } from "./intake/destination.js";
import { acceptFiles } from "./intake/dropzone.js";
import { Intake } from "./intake/intake.js";
import { PageSession } from "./session/page-session.js";
import { SignInDialog } from "./session/sign-in-dialog.js";
import { messages } from "./text/messages.js";
import { Announcer } from "./ui/announcer.js";
import { byId, find, findAll } from "./ui/elements.js";
import { FinishNotices } from "./uploads/finish-notices.js";
import { InterruptedList } from "./uploads/interrupted-list.js";
import { UploadList } from "./uploads/upload-list.js";

/** @import { Item, ListedFile } from "./files/types.js" */

const config = JSON.parse(byId("upload-config").textContent);
const api = new Api(find(document, "meta[name=csrf-token]", HTMLMetaElement).content, config.namespace, {
  base: config.base,
  csrfCookie: config.csrf_cookie,
  csrfHeader: config.csrf_header,
});
const uploader = new Uploader(api, {
  maxSize: config.max_size,
  allowedTypes: config.accepted_types,
  concurrency: config.concurrency,
  wholeLimit: config.whole_limit,
  namespace: config.namespace,
  workerUrl: config.worker_url,
  destinations: limitsByName(config.destinations),
});
const session = new PageSession(byId("session-dialog").dataset.sessionUrl ?? "", config.namespace);
const announcer = new Announcer(byId("announcer"), () => uploader.totals);
const destinations = new DestinationSelect(document.getElementById("destination"), config);
const intake = new Intake(uploader, announcer, {
  status: byId("reading"),
  hint: byId("drop-hint"),
  target: () => destinations.target(store.place.folder),
  notify,
});
const uploadList = new UploadList(uploader, config, {
  onCancelAll: () => intake.stop(),
  onEnd: (stored, notUploaded) => announcer.done(stored, notUploaded),
});
const interruptedList = new InterruptedList(uploader, announcer, {
  onChange: () => uploadList.showInterrupted(interruptedList.size),
  onContinue: (upload) => uploadList.focusRow(upload),
});
const finishNotices = new FinishNotices();
const quota = new Quota(document.getElementById("quota"), api);
const files = new FilesApi(api);
const store = new FileStore(files, placeOf(location.search), JSON.parse(byId("first-page").textContent));
const arrivals = new Arrivals(store);
const pictures = new Pictures();
new Downloads(api, announcer, { notify, onSessionEnded: () => session.lost() });
const { actions, selection, handlers } = connectActions({
  api,
  files,
  store,
  announcer,
  view: () => filesPage.view,
  preview: (item) => openPreview(item),
  details: (item) => openPreview(item, true),
  onSessionEnded: () => session.lost(),
  onUsageChanged: () => quota.refresh(),
  onForget: (id) => uploader.forget(id),
});
const filesPage = createFilesPage({
  store,
  selection,
  pictures,
  announcer,
  handlers,
  onSessionEnded: () => session.lost(),
});
const preview = new Preview(byId("preview-dialog", HTMLDialogElement), { api, onSessionEnded: () => session.lost() });
const live = new Live(files, { onChange: () => store.reload(), onSessionEnded: () => session.lost() });

new SignInDialog(session, config.csrf_header);

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

uploader.addEventListener("add", () => finishNotices.update(uploader.totals));
uploader.addEventListener("state", ({ detail: upload }) => {
  finishNotices.update(uploader.totals);
  if (upload.state === "stored") {
    announcer.say(upload.alreadyStored ? "alreadyStored" : "stored", upload.place);
    if (upload.storedFile && upload.id) {
      pictures.add(upload.id, upload.file);
      arrivals.add(/** @type {ListedFile} */ (upload.storedFile));
    }
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
  filesPage.tryNow();
  live.tryNow();
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
  if ((uploader.busy || actions.busy) && session.state !== "another_user") event.preventDefault();
});

function showConnection() {
  const notice = byId("offline-notice");
  // Hiding the button that has the focus would lose it.
  if (uploader.online && notice.contains(document.activeElement)) byId("choose-files").focus();
  notice.hidden = uploader.online;
}

/**
 * @param {Item} item a file
 * @param {boolean} [withDetails]
 */
function openPreview(item, withDetails = false) {
  const { view } = filesPage;
  preview.open(view.items, view.indexOf(item.key), {
    withDetails,
    // A toast would be behind the dialog.
    onDownload: (shown) => actions.download(shown, (sentence) => preview.notify(sentence)),
    onClose: (shown) => view.focus(shown.key),
    more: store.hasMore ? moreItems : undefined,
  });
}

/** @returns {Promise<Item[]|null>} all items, with those of the next page; null if there are no more */
async function moreItems() {
  if (!store.hasMore) return null;
  await store.loadMore();
  if (store.problem) throw store.problem;
  return store.items;
}

/** @param {string} sentence */
function notify(sentence) {
  const notice = byId("drop-notice");
  find(notice, "[data-field=text]").textContent = sentence;
  notice.hidden = false;
  announcer.note(sentence);
}
