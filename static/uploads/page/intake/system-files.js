/** Files that operating systems and office suites create for themselves, and that nobody means to upload. */
const FILES = [
  // macOS
  /^\.DS_Store$/i,
  /^\._/,
  /^Icon\r$/,
  /^\.(localized|apdisk|LSOverride|AppleDB|AppleDesktop|VolumeIcon\.icns)$/,
  /^\.com\.apple\./,
  // Windows
  /^(Thumbs|ehthumbs|ehthumbs_vista)\.db(:encryptable)?$/i,
  /^desktop\.ini$/i,
  // Linux
  /^\.directory$/,
  /^\.nfs[0-9a-f]{8,}$/,
  // Marks of documents that are open: Microsoft Office, LibreOffice.
  /^~\$.+\.(doc|dot|xls|xlt|xla|ppt|pot|pps|vsd|one|mpp|pub)[a-z]?$/i,
  /^\.~lock\..+#$/,
];

const FOLDERS = [
  // macOS
  /^(__MACOSX|\.AppleDouble|\.Spotlight-V100|\.Trashes|\.fseventsd|\.TemporaryItems|\.DocumentRevisions-V100)$/,
  // Windows
  /^(\$RECYCLE\.BIN|System Volume Information)$/i,
  // Linux
  /^\.Trash-\d+$/,
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
