import { Confirmations } from "../../../static/uploads/client/confirmations.js";
import { ConnectionLost } from "../../../static/uploads/client/errors.js";
import { Connection } from "../../../static/uploads/client/net/connection.js";
import { Retry } from "../../../static/uploads/client/net/retry.js";
import { within } from "../../../static/uploads/client/waiting.js";
import { Announcer } from "../../../static/uploads/page/ui/announcer.js";
import { delay, never, until } from "./support.js";
import { equal, test } from "./testing.js";

test("what is waited for when the computer sleeps gets its time afterwards", async () => {
  const now = performance.now.bind(performance);
  let slept = 0;
  performance.now = () => now() + slept;
  const waiting = within(
    delay(100).then(() => "answer"),
    50,
  );
  slept = 3_600_000;
  equal(await waiting, "answer");
  // But not indefinitely.
  const silent = within(new Promise(() => {}), 5).catch((error) => error.name);
  slept *= 2;
  equal(await silent, "TimeoutError");
});

test("what takes longer than the longest timer is waited for", async () => {
  // Some weeks, as for hundreds of gigabytes.
  equal(
    await within(
      delay(50).then(() => "answer"),
      2 ** 32,
    ),
    "answer",
  );
});

/** Sets the clock back by an hour. */
function setClockBack() {
  const { now } = Date;
  Date.now = () => now() - 3_600_000;
}

test("announcements go on when the clock is set back", async () => {
  const region = document.createElement("p");
  const announcer = new Announcer(region, () => ({ files: 1, stored: 0 }));
  announcer.note("first");
  await until(() => region.textContent?.includes("first"));
  setClockBack();
  announcer.note("second");
  await until(() => region.textContent?.includes("second"));
});

test("an upload that is confirmed slowly is noticed when the clock is set back", async () => {
  const now = performance.now.bind(performance);
  let late = 0;
  performance.now = () => now() + late;
  /** @type {string[]} */
  const events = [];
  const confirmations = new Confirmations({
    ask: async (ids) => {
      if (events.length === 0) {
        setClockBack();
        late = 61_000;
      }
      return ids.map((id) => ({ id, state: "pending" }));
    },
    settle: (_id, status) => status?.state === "stored",
    hint: async () => events.push("hint"),
    onSlow: () => events.push("slow"),
  });
  confirmations.add("a");
  await until(() => events.length === 2);
  equal(events, ["hint", "slow"]);
});

test("a request is tried although the browser reports that it is offline", async () => {
  Object.defineProperty(navigator, "onLine", { value: false });
  const connection = new Connection();
  let changes = 0;
  connection.addEventListener("change", () => {
    changes += 1;
  });
  equal(connection.online, false, "before a response");
  let attempts = 0;
  const retry = new Retry(connection, never);
  const answer = retry.run(async () => {
    attempts += 1;
    if (attempts < 3) throw new ConnectionLost();
    return "answer";
  });
  await until(() => attempts === 1);
  while (attempts < 3) {
    connection.tryNow();
    await delay(5);
  }
  equal(await answer, "answer");
  equal([connection.online, changes], [true, 1], "after a response");
  dispatchEvent(new Event("offline"));
  equal([connection.online, changes], [false, 2], "after the browser has reported a change");
});
