import { commandOf } from "../../../static/uploads/page/files/preview/keys.js";
import { equal, test } from "../client/testing.js";

/** @typedef {{target?: string, shift?: boolean, control?: boolean, repeat?: boolean, rtl?: boolean}} Circumstances */

const TALL = "<div data-scrolls><p id=target data-size='1 500'></p></div>";
const WIDE = "<div data-scrolls><p id=target data-size='500 1'></p></div>";
const FITTING = "<div data-scrolls><p id=target data-size='1 1'></p></div>";

/** Gives a scroller 50 × 50 pixels, and its content as many as it says: the policy allows no styles in HTML. */
function layOut() {
  const target = document.getElementById("target");
  const [width, height] = target?.dataset.size?.split(" ") ?? [];
  if (!target?.parentElement || !width) return;
  Object.assign(target.style, { width: `${width}px`, height: `${height}px`, margin: "0" });
  Object.assign(target.parentElement.style, { width: "50px", height: "50px", overflow: "auto" });
}

/** @type {[what: string, key: string, expected: string|null, circumstances?: Circumstances][]} */
const cases = [
  ["right", "ArrowRight", "next"],
  ["left", "ArrowLeft", "previous"],
  ["down", "ArrowDown", "next"],
  ["up", "ArrowUp", "previous"],
  ["right, in a language from right to left", "ArrowRight", "previous", { rtl: true }],
  ["left, in a language from right to left", "ArrowLeft", "next", { rtl: true }],
  ["down, in a language from right to left", "ArrowDown", "next", { rtl: true }],
  ["space", " ", "close"],
  ["space that is held", " ", null, { repeat: true }],
  ["an arrow that is held", "ArrowRight", "next", { repeat: true }],
  ["escape closes a dialog by itself", "Escape", null],
  ["enter", "Enter", null],
  ["a letter", "n", null],
  ["tab", "Tab", null],
  ["page down", "PageDown", null],
  ["shift and right", "ArrowRight", null, { shift: true }],
  ["control and left, or back", "ArrowLeft", null, { control: true }],
  ["space on a button", " ", null, { target: "<button id=target>x</button>" }],
  ["space on the icon in a button", " ", null, { target: "<button><i id=target></i></button>" }],
  ["right on a button", "ArrowRight", "next", { target: "<button id=target>x</button>" }],
  ["space in a text", " ", "close", { target: TALL }],
  ["down in a text that scrolls", "ArrowDown", null, { target: TALL }],
  ["right in a text that scrolls", "ArrowRight", "next", { target: TALL }],
  ["down in a text that fits", "ArrowDown", "next", { target: FITTING }],
  ["right in a wide image", "ArrowRight", null, { target: WIDE }],
  ["down in a wide image", "ArrowDown", "next", { target: WIDE }],
  ["space on a video, which plays", " ", null, { target: "<video id=target controls></video>" }],
  ["right on a video, which seeks", "ArrowRight", null, { target: "<video id=target controls></video>" }],
  ["up on audio, which gets louder", "ArrowUp", null, { target: "<audio id=target controls></audio>" }],
];

test("a key moves or closes, unless the focused element needs it", () => {
  for (const [what, key, expected, { target, shift, control, repeat, rtl } = {}] of cases) {
    document.documentElement.dir = rtl ? "rtl" : "ltr";
    document.body.innerHTML = target ?? "<h2 id=target>x</h2>";
    layOut();
    /** @type {string|null} */
    let command = "nothing was heard";
    document.body.onkeydown = (event) => {
      command = commandOf(event);
    };
    const options = { key, shiftKey: shift, ctrlKey: control, repeat, bubbles: true, cancelable: true };
    document.getElementById("target")?.dispatchEvent(new KeyboardEvent("keydown", options));
    equal(command, expected, what);
  }
});
