import { FinishNotices } from "../../../static/uploads/page/uploads/finish-notices.js";
import { equal, test } from "../client/testing.js";

const IDLE = { active: 0, paused: 0, confirming: 0, stored: 0, unsent: 0 };

/**
 * One batch of uploads.
 * @param {object} situation
 * @param {number} [situation.seconds] that it takes
 * @param {string} [situation.permission] of the browser
 * @param {boolean} [situation.isHidden]
 * @param {Partial<typeof IDLE>} [situation.ends]
 * @param {FinishNotices} [situation.notices] of an earlier batch
 */
function upload({ seconds = 61, permission = "default", isHidden = true, ends = { stored: 3 }, notices } = {}) {
  globalThis.Notification = /** @type {any} */ (FakeNotification);
  FakeNotification.permission = permission;
  FakeNotification.shown.length = 0;
  Object.defineProperty(document, "visibilityState", { value: isHidden ? "hidden" : "visible", configurable: true });
  if (!notices) {
    document.body.innerHTML = `<button id="choose-files"></button>
      <div id="notices-offer" hidden><button data-accept></button><button data-decline></button></div>`;
  }
  const used = notices ?? new FinishNotices(() => clock);
  used.update({ ...IDLE, active: 3 });
  used.update({ ...IDLE, active: 1, confirming: 1, stored: 1 });
  clock += seconds * 1000;
  used.update({ ...IDLE, ...ends });
  used.update({ ...IDLE, ...ends });
  const isOffered = !(/** @type {HTMLElement} */ (document.getElementById("notices-offer")).hidden);
  return { notices: used, isOffered, shown: [...FakeNotification.shown] };
}

let clock = 0;

class FakeNotification extends EventTarget {
  static permission = "default";
  static asked = 0;
  /** @type {string[]} */
  static shown = [];
  static async requestPermission() {
    FakeNotification.asked += 1;
  }
  /** @param {string} _title @param {{body: string}} options */
  constructor(_title, { body }) {
    super();
    FakeNotification.shown.push(body);
  }
}

/** @type {[what: string, situation: object, isOffered: boolean, shown: string[]][]} */
const SITUATIONS = [
  ["a long upload", {}, true, []],
  ["a long upload in a visible tab", { isHidden: false }, true, []],
  ["a short upload", { seconds: 59 }, false, []],
  ["with permission", { permission: "granted" }, false, ["3 files are stored."]],
  ["a single file", { permission: "granted", ends: { stored: 1 } }, false, ["1 file is stored."]],
  [
    "with failures",
    { permission: "granted", ends: { stored: 2, unsent: 1 } },
    false,
    ["2 files are stored. 1 file was not uploaded."],
  ],
  ["only failures", { permission: "granted", ends: { unsent: 2 } }, false, ["2 files were not uploaded."]],
  ["everything was cancelled", { permission: "granted", ends: {} }, false, []],
  ["with permission, in a visible tab", { permission: "granted", isHidden: false }, false, []],
  ["with permission, a short upload", { permission: "granted", seconds: 5 }, false, []],
  ["the user has refused", { permission: "denied" }, false, []],
];

test("a long upload that ends in a hidden tab raises one notification, if the user wants that", () => {
  for (const [what, situation, isOffered, shown] of SITUATIONS) {
    localStorage.clear();
    const { isOffered: offered, shown: seen } = upload(situation);
    equal([offered, seen], [isOffered, shown], what);
  }
});

test("notifications are offered once, and only a click asks the browser", () => {
  localStorage.clear();
  const { notices, isOffered } = upload();
  equal([isOffered, FakeNotification.asked], [true, 0]);
  const accept = /** @type {HTMLButtonElement} */ (document.querySelector("[data-accept]"));
  accept.focus();
  accept.click();
  equal([FakeNotification.asked, document.activeElement?.id], [1, "choose-files"]);
  equal(upload({ notices }).isOffered, false, "after it was accepted");
  equal(upload().isOffered, false, "in another page of this browser");
});

test("a browser without notifications offers none", () => {
  localStorage.clear();
  const { notices } = upload({ seconds: 1 });
  Reflect.deleteProperty(globalThis, "Notification");
  notices.update({ ...IDLE, active: 1 });
  clock += 100_000;
  notices.update({ ...IDLE, stored: 1 });
  equal(/** @type {HTMLElement} */ (document.getElementById("notices-offer")).hidden, true);
});
