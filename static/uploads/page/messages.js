/**
 * Every sentence that scripts show, in one place, so that they can be translated together. Sentences of the server
 * are shown as they come.
 */
export const messages = {
  state: {
    queued: "Waiting",
    hashing: "Checking",
    uploading: "Uploading",
    confirming: "Confirming…",
    stored: "Stored",
    failed: "Failed",
    cancelled: "Cancelled",
    rejected: "Rejected",
  },
  slow: "Still confirming. This takes longer than usual; you can close this page, the file will appear in your list.",

  problem: {
    too_large: (limits) => `This file is larger than the ${limits.maxSize} that are allowed.`,
    type_not_allowed: (limits) => `Files of this type are not accepted here. Accepted: ${limits.types}.`,
    name_too_long: () => "The name of this file is too long. Shorten it and choose the file again.",
    unreadable: () => "This file cannot be read any more. Was it moved or changed? Choose it again.",
    changed: () => "What arrived was not what was sent, so it was not kept. Try again.",
    connection_lost: () => "The connection to storage broke. Try again.",
    storage_refused: () => "Storage did not accept this file. Try again.",
    network: () => "The server cannot be reached. Check your connection and try again.",
    deleted: () => "This file was deleted before it could be listed.",
    session_ended: () => "Your session has ended. Sign in again, then retry.",
  },
  unexpected: "Something went wrong. Try again.",
  rejected: "It was not accepted.",

  allSent: (total) => `${total} sent, waiting for storage to answer`,
  of: (sent, total) => `${sent} of ${total}`,
  speed: (bytes) => `${bytes}/s`,
  timeLeft: (duration) => `${duration} left`,
  justNow: "just now",

  progressLabel: (name) => `Progress of ${name}`,
  cancelLabel: (name) => `Cancel the upload of ${name}`,
  retryLabel: (name) => `Retry the upload of ${name}`,
  dismissLabel: (name) => `Dismiss ${name}`,

  summary: {
    active: (count) => `${count} to go`,
    confirming: (count) => `${count} confirming`,
    stored: (count) => `${count} stored`,
    failed: (count) => `${count} not uploaded`,
  },

  folders: (names) =>
    names.length === 1
      ? `“${names[0]}” is a folder. Folders cannot be uploaded yet: open it and drop the files inside.`
      : `${names.length} of these are folders. Folders cannot be uploaded yet: open them and drop the files inside.`,

  deleting: "Deleting…",
  deletingSlowly: "Still deleting. This takes longer than usual; you can close this page.",
  deleteFailed: "The file could not be deleted. Try again.",
  listFailed: "The list could not be loaded. Check your connection and try again.",

  announce: {
    added: { one: (name) => `${name} added.`, many: (count) => `${count} files added.` },
    stored: { one: (name) => `${name} stored.`, many: (count) => `${count} files stored.` },
    failed: { one: (name, why) => `${name} failed: ${why}`, many: (count) => `${count} files failed.` },
    rejected: { one: (name, why) => `${name} was rejected: ${why}`, many: (count) => `${count} files were rejected.` },
    deleted: { one: (name) => `${name} deleted.`, many: (count) => `${count} files deleted.` },
    problem: { one: (sentence) => sentence, many: (_count, sentences) => sentences.join(" ") },
  },
};
