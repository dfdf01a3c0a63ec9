import { equal, test } from "../client/testing.js";
import { FOLDER, makeActions, makeServer } from "./action-harness.js";

/** @type {[what: string, key: string, name: string, problem: string, listed: string][]} */
const NAMES = [
  ["a file", "a", "z.txt", "", "a b c"],
  ["the same name", "a", "a.txt", "", "a b c"],
  ["the name of another file, which is allowed", "a", "b.txt", "", "a b c"],
  ["a name with a slash", "a", "1/2.txt", "", "a b c"],
  ["no name", "a", "  ", "Enter a name.", "a b c"],
  ["a folder", FOLDER, "Pictures", "", "a b c folder:Pictures"],
  [
    "a folder to a name that is taken",
    FOLDER,
    "Archive",
    "There is already a folder with this name. Rename one of the two first.",
    "a b c",
  ],
  ["a folder to a path", FOLDER, "Other/Photos", "The name of a folder cannot contain a slash.", "a b c"],
];

test("files and folders get new names, or a sentence says why not", async () => {
  for (const [what, key, name, problem, listed] of NAMES) {
    const server = makeServer();
    server.folders.add("Archive");
    const made = await makeActions(server);
    const [item] = made.items(key);
    equal(await made.actions.rename(item, name), problem, what);
    const rest = ["folder:Archive", ...(listed.includes("Pictures") ? [] : [FOLDER])];
    equal(made.listed(), [...listed.split(" "), ...rest].sort().join(" "), what);
    if (key === "a" && !problem) equal(server.files.get("a")?.file_name, name, what);
  }
});

test("a file that is deleted while it gets a new name stays deleted", async () => {
  const server = makeServer();
  const { actions, items } = await makeActions(server);
  server.files.delete("a");
  equal(await actions.rename(items("a")[0], "z.txt"), "This file no longer exists.");
  equal(server.files.has("a"), false);
});

test("a folder is created and listed, unless there is one", async () => {
  const server = makeServer();
  const { actions, listed } = await makeActions(server);
  equal(await actions.createFolder("New"), "");
  equal(listed(), `a b c folder:New ${FOLDER}`);
  equal(await actions.createFolder("New"), "There is already a folder with this name. Choose another name.");
  equal(await actions.createFolder("Photos/New"), "");
  equal(listed(), `a b c folder:New ${FOLDER}`);
});
