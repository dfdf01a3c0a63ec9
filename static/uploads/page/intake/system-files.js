/** Files that operating systems and office suites create for themselves, and that nobody means to upload. */
const FILES = [
  // macOS
  /^\.DS_Store$/i,
  /^\._/,
  /^Icon\r$/,
  /^\.(localized|apdisk|LSOverride|AppleDB|AppleDesktop|VolumeIcon\.icns)$/,
  /^\.com\.apple\./,
  /^\.metadata_(never_index|never_index_unless_rootfs|direct_scope_only)$/,
  // Windows
  /^(Thumbs|ehthumbs|ehthumbs_vista)\.db(:encryptable)?$/i,
  /^desktop\.ini$/i,
  /^IconCache\.db$/i,
  /^(pagefile|hiberfil|swapfile)\.sys$/i,
  /^DumpStack\.log(\.tmp)?$/i,
  // Linux
  /^\.directory$/,
  /^\.nfs[0-9a-f]{8,}$/,
  /^\.fuse_hidden[0-9a-f]{8,}$/,
  // Marks of documents that are open, and what is left of them after a crash: Microsoft Office, LibreOffice.
  /^~\$.+\.(doc|dot|xls|xlt|xla|ppt|pot|pps|vsd|one|mpp|pub|rtf|odt|ods|odp|onetoc2)[a-z]?$/i,
  /^~WR[A-Z]\d{4}\.tmp$/i,
  /^\.~lock\..+#$/,
];

const FOLDERS = [
  // macOS
  /^(__MACOSX|\.AppleDouble|\.Spotlight-V100|\.Trashes|\.fseventsd|\.TemporaryItems|\.DocumentRevisions-V100)$/,
  /^(Network Trash Folder|\.PKInstallSandboxManager(-SystemSoftware)?|\.HFS\+ Private Directory Data\r)$/,
  // Windows
  /^(\$RECYCLE\.BIN|System Volume Information)$/i,
  // Before Windows Vista
  /^RECYCLER$/,
  // Linux
  /^(\.Trash-\d+|lost\+found)$/,
  // Drives in the network: Synology, QNAP
  /^(@eaDir|#recycle|@Recycle|\.@__thumb)$/,
];

/** @param {string} name of a file */
export function isSystemFile(name) {
  return FILES.some((pattern) => pattern.test(name));
}

/** @param {string} name of a folder */
export function isSystemFolder(name) {
  return FOLDERS.some((pattern) => pattern.test(name));
}

/** @param {string} path of a file, which may be only its name */
export function isSystemPath(path) {
  const folders = path.split("/");
  const name = folders.pop() ?? "";
  return isSystemFile(name) || folders.some(isSystemFolder);
}
