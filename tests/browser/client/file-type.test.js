import { declaredType } from "../../../static/uploads/client/file-type.js";
import { Upload } from "../../../static/uploads/client/upload.js";
import { equal, test } from "./testing.js";

const UNKNOWN = "application/octet-stream";

// tests/core/test_media_types.py: the server accepts each of the results.
/** @type {[type: string, declared: string][]} */
const TYPES = await (await fetch("/tests/shared/declared-types.json")).json();

test("what is not a type is not declared", () => {
  for (const [type, declared] of TYPES) equal(declaredType(type), declared, type);
  equal(declaredType(`a/${"b".repeat(253)}`), `a/${"b".repeat(253)}`);
  equal(declaredType(`a/${"b".repeat(254)}`), UNKNOWN);
  equal(declaredType(`a/b;c=${"d".repeat(254)}`), "a/b");
});

test("an upload declares the type of its file", () => {
  equal(new Upload(new File([], "a.xls", { type: "Excel.Sheet.8" })).type, UNKNOWN);
  equal(new Upload(new File([], "a.png", { type: "image/png" })).type, "image/png");
});
