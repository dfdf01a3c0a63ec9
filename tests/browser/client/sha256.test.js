import { Sha256 } from "../../../static/uploads/client/hashing/sha256.js";
import { equal, test } from "./testing.js";

// Around the boundaries of a block and its padding (FIPS 180-4, section 5.1.1), and across many blocks.
const SIZES = [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 100_003];

test("incremental SHA-256 equals the browser's own", async () => {
  for (const size of SIZES) {
    const bytes = new Uint8Array(size);
    for (let start = 0; start < size; start += 65_536) crypto.getRandomValues(bytes.subarray(start, start + 65_536));
    const hash = new Sha256();
    for (let start = 0, step = 1; start < size; start += step, step = (step * 7) % 251) {
      hash.update(bytes.subarray(start, start + step));
    }
    const expected = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    equal([...hash.digest()], [...expected], `${size} bytes`);
  }
});

test("SHA-256 of the standard's own example", () => {
  const hash = new Sha256();
  hash.update(new TextEncoder().encode("abc"));
  const hex = [...hash.digest()].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
