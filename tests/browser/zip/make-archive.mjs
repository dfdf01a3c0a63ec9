// node make-archive.mjs MEMBERS.json ARCHIVE.zip: writes an archive of any size, with holes for its zeros.

import { open, readFile } from "node:fs/promises";
import { argv } from "node:process";
import { archiveOf, ZEROS } from "./members.js";

const archive = archiveOf(JSON.parse(await readFile(argv[2], "utf8")));
const file = await open(argv[3], "w");
let position = 0;
let pending = [];
let pendingBytes = 0;

async function flush() {
  if (pendingBytes === 0) return;
  await file.writev(pending, position - pendingBytes);
  pending = [];
  pendingBytes = 0;
}

for await (const chunk of archive.chunks(new AbortController().signal)) {
  const isHole = chunk.buffer === ZEROS.buffer;
  if (isHole || pendingBytes >= 1_000_000 || pending.length >= 1_000) await flush();
  position += chunk.length;
  if (isHole) continue;
  pending.push(chunk);
  pendingBytes += chunk.length;
}
await flush();
await file.close();
if (position !== archive.size) throw new Error(`${position} bytes instead of ${archive.size}`);
