import { findProblem } from "../../../static/uploads/client/limits.js";
import { equal, test } from "./testing.js";

// tests/core/test_media_types.py runs the same cases on the server.
const cases = await (await fetch("/tests/shared/types.json")).json();

test("the page accepts the same types as the server", () => {
  for (const { accepted, refused, ...lists } of cases) {
    const limits = { maxSize: 1, allowedTypes: lists["for the page"] };
    const problem = (/** @type {string} */ type) => findProblem({ name: "a", type, size: 1 }, limits);
    for (const type of accepted) equal(problem(type), null, type);
    for (const type of refused) equal(problem(type), "type_not_allowed", type);
  }
});
