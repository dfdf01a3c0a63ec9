import { within } from "../../../client/index.js";
import { displayName } from "../../text/names.js";
import { previewMessages } from "../../text/preview-messages.js";
import { decode } from "./encoding.js";
import { PreviewProblem } from "./problem.js";
import { diagnose, readBeginning } from "./storage.js";
import { textBlocks } from "./text-blocks.js";

/** @import { PreviewSource } from "../../../client/index.js" */

/**
 * A file, ready to be shown at once.
 * @typedef {object} View
 * @property {NonNullable<PreviewSource["kind"]>} kind
 * @property {HTMLElement} element
 * @property {{width: number, height: number}} [dimensions] pixels of an image or a video
 */

/**
 * @typedef {object} Wanted what is to be shown
 * @property {string} name
 * @property {number} size bytes
 * @property {string} url
 * @property {string|null} charset
 * @property {number|null} maxBytes
 * @property {number} startAt seconds; where audio or video continues after a failure
 * @property {AbortSignal} signal
 */

/** Milliseconds until an image or the beginning of a recording must be there, and bytes per millisecond after that. */
const PATIENCE = 30_000;
const SLOWEST = 16;
/** Pixels of an image that is hard to find on the stage. */
const TINY = 24;
/** Bytes of a text. */
const DEFAULT_BEGINNING = 2 ** 20;

/**
 * Makes the element that shows a file, and waits until nothing of it would still appear bit by bit.
 * @param {PreviewSource} source
 * @param {{name: string, size: number, startAt?: number, signal: AbortSignal}} file
 * @returns {Promise<View>} Rejects with a PreviewProblem, or with the signal's reason.
 */
export async function makeView(source, { name, size, startAt = 0, signal }) {
  signal.throwIfAborted();
  if (source.kind === null || source.url === null) throw new PreviewProblem(source.reason ?? "type");
  const { kind, url, charset, max_bytes: maxBytes } = source;
  return makers[kind]({ name, size, url, charset, maxBytes, startAt, signal });
}

/** @type {Record<NonNullable<PreviewSource["kind"]>, (wanted: Wanted) => Promise<View>>} */
const makers = {
  image: makeImage,
  pdf: makePdf,
  text: makeText,
  audio: (wanted) => makeRecording("audio", wanted),
  video: (wanted) => makeRecording("video", wanted),
};

/** @param {Wanted} wanted @returns {Promise<View>} */
async function makeImage({ name, size, url, signal }) {
  const image = new Image();
  image.alt = displayName(name);
  image.referrerPolicy = "no-referrer";
  image.draggable = false;
  image.src = url;
  const stop = () => image.removeAttribute("src");
  signal.addEventListener("abort", stop);
  try {
    // Decoded now, the image appears as a whole, in the frame in which it is added.
    await within(image.decode(), PATIENCE + size / SLOWEST);
  } catch (error) {
    signal.throwIfAborted();
    image.removeAttribute("src");
    throw error instanceof DOMException && error.name === "TimeoutError"
      ? new PreviewProblem("unreachable")
      : await diagnose(url, signal);
  } finally {
    signal.removeEventListener("abort", stop);
  }
  const element = container("preview-image");
  element.append(image);
  element.toggleAttribute("data-tiny", Math.max(image.naturalWidth, image.naturalHeight) < TINY);
  return { kind: "image", element, dimensions: { width: image.naturalWidth, height: image.naturalHeight } };
}

/** @param {Wanted} wanted @returns {Promise<View>} */
async function makePdf({ name, url, signal }) {
  if (navigator.pdfViewerEnabled === false) throw new PreviewProblem("type");
  // A frame does not tell whether it could load: it would show the error of storage.
  await readBeginning(url, 1, signal);
  const frame = document.createElement("iframe");
  frame.className = "preview-pdf";
  frame.title = previewMessages.contentOf(name);
  frame.referrerPolicy = "no-referrer";
  // Without a sandbox, in which Chromium shows no PDF. Storage always sends this address as a PDF, from its own origin.
  frame.src = url;
  return { kind: "pdf", element: frame };
}

/** @param {Wanted} wanted @returns {Promise<View>} */
async function makeText({ name, url, charset, maxBytes, signal }) {
  const limit = maxBytes ?? DEFAULT_BEGINNING;
  const { bytes, isWhole } = await readBeginning(url, limit, signal);
  const element = container("preview-text");
  element.dataset.scrolls = "";
  element.tabIndex = 0;
  element.setAttribute("role", "region");
  element.setAttribute("aria-label", previewMessages.contentOf(name));
  if (!isWhole) element.append(note(previewMessages.beginning(limit)));
  element.append(textBlocks(decode(bytes, charset)));
  return { kind: "text", element };
}

/**
 * @param {"audio"|"video"} kind
 * @param {Wanted} wanted
 * @returns {Promise<View>}
 */
async function makeRecording(kind, { name, url, startAt, signal }) {
  const media = document.createElement(kind);
  media.controls = true;
  media.preload = "metadata";
  media.setAttribute("aria-label", displayName(name));
  const known = new Promise((resolve, reject) => {
    media.addEventListener("loadedmetadata", resolve, { once: true });
    media.addEventListener("error", reject, { once: true });
    signal.addEventListener("abort", reject, { once: true });
  });
  media.src = url;
  try {
    await within(known, PATIENCE);
  } catch (error) {
    unload(media);
    signal.throwIfAborted();
    throw error instanceof DOMException ? new PreviewProblem("unreachable") : await diagnose(url, signal);
  }
  if (startAt > 0) media.currentTime = startAt;
  const element = container(`preview-${kind}`);
  element.append(media);
  if (media instanceof HTMLVideoElement) {
    // Chromium plays audio in a container for video, too.
    const dimensions = { width: media.videoWidth, height: media.videoHeight };
    return { kind, element, ...(dimensions.width ? { dimensions } : {}) };
  }
  return { kind, element };
}

/**
 * Stops what plays, and its connection.
 * @param {HTMLMediaElement} media
 */
export function unload(media) {
  media.pause();
  media.removeAttribute("src");
  media.load();
}

/** @param {string} name of the class */
function container(name) {
  const element = document.createElement("div");
  element.className = name;
  return element;
}

/** @param {string} sentence */
function note(sentence) {
  const element = document.createElement("p");
  element.className = "preview-note";
  element.textContent = sentence;
  return element;
}
