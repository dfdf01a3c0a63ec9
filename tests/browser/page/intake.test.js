import { sortOut } from "../../../static/uploads/page/intake/folders.js";
import { isSystemPath } from "../../../static/uploads/page/intake/system-files.js";
import { makeFile } from "../client/support.js";
import { equal, test } from "../client/testing.js";

const SYSTEM = [
  ".DS_Store",
  "photos/.DS_Store",
  "._a.jpg",
  "._.DS_Store",
  "Icon\r",
  "a/b/Icon\r",
  ".localized",
  ".apdisk",
  ".VolumeIcon.icns",
  ".com.apple.timemachine.donotpresent",
  "__MACOSX/a.txt",
  "a/__MACOSX/b/c.txt",
  ".Spotlight-V100/Store-V2/x",
  ".Trashes/501/a.txt",
  ".fseventsd/0001",
  ".TemporaryItems/a",
  ".AppleDouble/a",
  "Thumbs.db",
  "THUMBS.DB",
  "Thumbs.db:encryptable",
  "ehthumbs_vista.db",
  "desktop.ini",
  "Desktop.ini",
  "$RECYCLE.BIN/S-1-5/a.txt",
  "$Recycle.Bin/a",
  "System Volume Information/IndexerVolumeGuid",
  ".Trash-1000/files/a",
  ".directory",
  ".nfs000000000001a2b3",
  "~$report.docx",
  "~$a.xls",
  "~$talk.pptx",
  ".~lock.report.odt#",
  ".metadata_never_index",
  "IconCache.db",
  "pagefile.sys",
  "HIBERFIL.SYS",
  "DumpStack.log.tmp",
  ".fuse_hidden0000a1b200000001",
  "~$letter.rtf",
  "~$notes.odt",
  "~$x.onetoc2",
  "~WRL0001.tmp",
  "~WRD3421.tmp",
  "Network Trash Folder/a",
  ".PKInstallSandboxManager/a",
  ".HFS+ Private Directory Data\r/a",
  "RECYCLER/S-1-5-21/a",
  "lost+found/#123",
  "photos/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
  "#recycle/a",
  "@Recycle/a",
  "photos/.@__thumb/a.jpg",
];

const ORDINARY = [
  "a.txt",
  "Icon",
  "Icon.png",
  "Icon\r.png",
  ".gitignore",
  ".env",
  "._/a.txt",
  "DS_Store",
  "thumbs.db.txt",
  "my desktop.ini.bak",
  "Thumbs/db",
  "__MACOSX",
  "MACOSX/a",
  "$RECYCLE/a",
  "~$notes.txt",
  "~report.docx",
  "Trash-1000/a",
  "nfs0000000000",
  "Recycler/a",
  "recycle/a",
  "~WRL.tmp",
  "pagefile.sys.txt",
  "lost/found",
  "@eaDir",
  "#recycle",
  "com.apple.txt",
];

test("system files are recognised by their names and folders", () => {
  equal(
    SYSTEM.filter((path) => !isSystemPath(path)),
    [],
    "taken for files of the user",
  );
  equal(ORDINARY.filter(isSystemPath), [], "taken for system files");
});

/** @type {[names: string[], picked: string[], leftOut: string[]][]} */
const CHOICES = [
  [["a.txt"], ["a.txt"], []],
  [["a.txt", "desktop.ini"], ["a.txt"], ["desktop.ini"]],
  [["Icon\r", "._a", "a"], ["a"], ["Icon\r", "._a"]],
  // A single file was meant.
  [["desktop.ini"], ["desktop.ini"], []],
  [[".DS_Store", "._a"], [], [".DS_Store", "._a"]],
  [[], [], []],
];

test("system files are left out unless one is chosen by itself", () => {
  for (const [names, picked, leftOut] of CHOICES) {
    const result = sortOut(names.map((name) => makeFile(name)));
    equal([result.picked.map(({ file }) => file.name), result.leftOut], [picked, leftOut], names.join());
  }
});
