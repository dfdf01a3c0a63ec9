"""The upload client's modules, one by one, where they run: in the browser."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright

from tests.browser.conftest import ARGUMENTS
from tests.conftest import Installation

MODULES = """
    const from = (name) => import(`/static/uploads/client/${name}.js`);
    const never = new AbortController().signal;
    const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    class Line extends EventTarget {
        online = true;
        pause() { return Promise.resolve(); }
        set(online) { this.online = online; this.dispatchEvent(new Event("change")); }
    }
"""


@pytest.fixture
def blank(chromium: Browser, installation: Installation) -> Iterator[Page]:
    page = chromium.new_page(base_url=installation.url)
    page.goto("/accounts/login/")
    yield page
    page.close()


def run(page: Page, body: str, argument: Any = None) -> Any:
    """Run a piece of JavaScript; `page.evaluate` alone would wait for ever."""
    return page.evaluate(
        f"""(input) => Promise.race([
            (async () => {{ {MODULES} {body} }})(),
            new Promise((resolve, reject) =>
                setTimeout(() => reject(new Error("it does not end")), 30_000)),
        ])""",
        argument,
    )


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 100_003])
def test_sha256_in_pieces_agrees_with_another_implementation(blank: Page, size: int) -> None:
    data = random.Random(size).randbytes(size)
    found = run(
        blank,
        """
        const { Sha256 } = await from("hashing/sha256");
        const bytes = Uint8Array.from(atob(input), (character) => character.charCodeAt(0));
        const hash = new Sha256();
        for (let start = 0, step = 1; start < bytes.length; start += step, step = (step * 7) % 251)
            hash.update(bytes.subarray(start, start + step));
        return btoa(String.fromCharCode(...hash.digest()));
        """,
        base64.b64encode(data).decode(),
    )
    assert found == base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.mark.parametrize("crypto", [True, False], ids=["native", "without crypto.subtle"])
def test_a_digest_is_the_same_with_and_without_the_browsers_own(blank: Page, crypto: bool) -> None:
    found = run(
        blank,
        """
        if (!input) Object.defineProperty(globalThis, "crypto", { value: undefined });
        const { digest } = await from("hashing/digest");
        return digest(new Blob(["a".repeat(5_000_000), "b"]));
        """,
        crypto,
    )
    expected = hashlib.sha256(b"a" * 5_000_000 + b"b").digest()
    assert found == base64.b64encode(expected).decode()


def test_collecting_garbage_ends_no_digest(
    playwright: Playwright, chromium_path: str, installation: Installation
) -> None:
    """Chromium collects streams that are being read if nothing else refers to them."""
    browser = playwright.chromium.launch(
        executable_path=chromium_path, args=[*ARGUMENTS, "--js-flags=--expose-gc"]
    )
    try:
        page = browser.new_page(base_url=installation.url)
        page.goto("/accounts/login/")
        waiting = run(
            page,
            """
            const { digest } = await from("hashing/digest");
            let waiting = 0;
            for (let batch = 0; batch < 5; batch += 1) {
                for (let number = 0; number < 100; number += 1, waiting += 1)
                    digest(new Blob(["x".repeat(300_000)])).then(() => (waiting -= 1));
                for (let round = 0; waiting > 0 && round < 200; round += 1) {
                    gc();
                    await later(5);
                }
            }
            return waiting;
            """,
        )
    finally:
        browser.close()
    assert waiting == 0


def test_the_hasher_works_without_workers(blank: Page) -> None:
    found = run(
        blank,
        """
        const { Hasher } = await from("hashing/hasher");
        const texts = ["one", "two"].map((text) => new Blob([text]));
        const digests = [];
        const worker = "/static/uploads/client/hashing/hash-worker.js";
        for (const url of [worker, "/static/no-such-worker.js"]) {
            const hasher = new Hasher(url);
            digests.push(await Promise.all(texts.map((blob) => hasher.sha256(blob, never))));
        }
        return digests;
        """,
    )
    expected = [
        base64.b64encode(hashlib.sha256(text).digest()).decode() for text in (b"one", b"two")
    ]
    assert found == [expected, expected]


def test_a_fingerprint_tells_files_apart_by_each_of_its_parts(blank: Page) -> None:
    same, different = run(
        blank,
        """
        const { Hasher } = await from("hashing/hasher");
        const hasher = new Hasher("/static/uploads/client/hashing/hash-worker.js");
        const MIB = 1024 ** 2;
        const make = (change = {}) => {
            const bytes = new Uint8Array(3 * MIB);
            bytes[change.at ?? 1.5 * MIB] = 1;
            return new File([bytes.subarray(0, change.size)], "f",
                            { lastModified: change.time ?? 5 });
        };
        const print = (file, name = "f") => hasher.fingerprint(file, name, never);
        const first = await print(make());
        return [
            first === (await print(make())),
            await Promise.all([
                print(make(), "g"), print(make({ time: 6 })), print(make({ size: 3 * MIB - 1 })),
                print(make({ at: 5 })), print(make({ at: 3 * MIB - 5 })),
            ]).then((others) => new Set([first, ...others]).size),
        ];
        """,
    )
    assert same
    assert different == 6


def test_a_small_file_does_not_wait_for_the_end_of_a_large_one(blank: Page) -> None:
    order = run(
        blank,
        """
        const { Pool } = await from("net/pool");
        const pool = new Pool(2, new Line());
        const order = [];
        const task = (name) => async () => { order.push(name); await later(5); };
        const large = [1, 2, 3, 4, 5].map((part) => pool.run(1, task(`part ${part}`), never));
        const small = [2, 3].map((file) => pool.run(file, task(`file ${file}`), never));
        await Promise.all([...large, ...small]);
        return order;
        """,
    )
    assert order == ["part 1", "part 2", "file 2", "part 3", "file 3", "part 4", "part 5"]


def test_the_pool_keeps_its_bound_and_its_order(blank: Page) -> None:
    most, order = run(
        blank,
        """
        const { Pool } = await from("net/pool");
        const pool = new Pool(3, new Line());
        let running = 0, most = 0;
        const order = [];
        const task = (name) => async () => {
            order.push(name);
            most = Math.max(most, ++running);
            await later(5);
            running -= 1;
        };
        await Promise.all([9, 9, 9, 2, 1, 2].map(
            (file, index) => pool.run(file, task(`${file}.${index}`), never)));
        return [most, order];
        """,
    )
    assert most == 3
    assert order == ["9.0", "9.1", "9.2", "1.4", "2.3", "2.5"]


def test_the_pool_shrinks_when_requests_fail_and_grows_again(blank: Page) -> None:
    limits = run(
        blank,
        """
        const { Pool } = await from("net/pool");
        const { ConnectionLost, StorageError } = await from("errors");
        const pool = new Pool(6, new Line());
        const fail = (error) => pool.run(1, () => Promise.reject(error), never).catch(() => {});
        const limits = [];
        await fail(new StorageError(404, ""));
        limits.push(pool.limit);
        await Promise.all([1, 2, 3, 4].map(() => fail(new ConnectionLost())));
        limits.push(pool.limit);
        await later(1100);
        await fail(new StorageError(503, ""));
        limits.push(pool.limit);
        for (let i = 0; i < 30; i += 1) await pool.run(1, async () => {}, never);
        limits.push(pool.limit);
        return limits;
        """,
    )
    assert limits == [6, 3, 1, 6]


def test_the_pool_starts_nothing_while_offline(blank: Page) -> None:
    seen = run(
        blank,
        """
        const { Pool } = await from("net/pool");
        const line = new Line();
        const pool = new Pool(2, line);
        const seen = [];
        line.set(false);
        const done = pool.run(1, async () => seen.push("ran"), never);
        await later(30);
        seen.push("still offline");
        line.set(true);
        await done;
        return seen;
        """,
    )
    assert seen == ["still offline", "ran"]


def test_what_waits_in_the_pool_can_be_stopped(blank: Page) -> None:
    seen = run(
        blank,
        """
        const { Pool } = await from("net/pool");
        const pool = new Pool(1, new Line());
        const seen = [], stop = new AbortController();
        const first = pool.run(1, () => later(20), never);
        const second = pool.run(1, async () => seen.push("ran"), stop.signal);
        stop.abort(new Error("stopped"));
        await second.catch((error) => seen.push(error.message));
        await first;
        await pool.run(1, async () => seen.push("third"), never);
        return seen;
        """,
    )
    assert seen == ["stopped", "third"]


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        ("new ConnectionLost()", 14),
        ("new StorageError(503, '')", 14),
        ("new StorageError(500, '<Code>InternalError</Code>')", 14),
        ("new StorageError(400, '<Code>RequestTimeout</Code>')", 14),
        ("new ApiError(0, 'network', '')", 14),
        ("new ApiError(429, 'too_many', '')", 14),
        ("new StorageError(400, '<Code>BadDigest</Code>')", 4),
        ("new StorageError(403, '<Message>Request has expired</Message>')", 5),
        ("new StorageError(409, '<Code>ConditionalRequestConflict</Code>')", 14),
        ("new StorageError(403, '<Code>SignatureDoesNotMatch</Code>')", 1),
        ("new StorageError(404, '<Code>NoSuchUpload</Code>')", 1),
        ("new StorageError(412, '')", 1),
        ("new ApiError(401, '', '')", 1),
        ("new ApiError(413, '', '')", 1),
        ("new TypeError('a bug')", 1),
    ],
)
def test_only_what_may_pass_is_tried_again(blank: Page, error: str, tries: int) -> None:
    found = run(
        blank,
        f"""
        const {{ ApiError, ConnectionLost, StorageError }} = await from("errors");
        const {{ Retry }} = await from("net/retry");
        let tries = 0;
        const retry = new Retry(new Line(), never);
        await retry.run(async () => {{ tries += 1; throw {error}; }}).catch(() => {{}});
        return tries;
        """,
    )
    assert found == tries


def test_waits_grow_are_jittered_and_obey_the_server(blank: Page) -> None:
    waits = run(
        blank,
        """
        const { ApiError, ConnectionLost } = await from("errors");
        const { Retry } = await from("net/retry");
        const line = new Line();
        const waits = [];
        line.pause = async (milliseconds) => void waits.push(milliseconds);
        Math.random = () => 1;
        const failing = (error) => new Retry(line, never)
            .run(() => Promise.reject(error)).catch(() => {});
        await failing(new ConnectionLost());
        Math.random = () => 0.5;
        await failing(new ConnectionLost());
        await failing(new ApiError(503, "", "", 60));
        await failing(new ApiError(503, "", "", 86_400));
        return waits;
        """,
    )
    assert waits[:8] == [600, 1200, 2400, 4800, 9600, 19200, 30000, 30000]
    assert waits[13:15] == [300, 600]
    assert waits[26:] == [60_000] * 13 + [120_000] * 13


def test_failures_while_offline_do_not_count(blank: Page) -> None:
    tries = run(
        blank,
        """
        const { ConnectionLost } = await from("errors");
        const { Retry } = await from("net/retry");
        const line = new Line();
        line.online = false;
        let tries = 0;
        await new Retry(line, never).run(async () => {
            if (++tries < 50) throw new ConnectionLost();
        });
        return tries;
        """,
    )
    assert tries == 50


def test_what_is_asked_for_at_the_same_moment_is_one_call(blank: Page) -> None:
    calls, results = run(
        blank,
        """
        const { Batch } = await from("net/batch");
        const calls = [];
        const batch = new Batch(async (items) => {
            calls.push(items);
            return items.map((item) => item * 2);
        }, 3);
        const results = await Promise.all([1, 2, 3, 4].map((item) => batch.ask(item)));
        results.push(await batch.ask(5));
        return [calls, results];
        """,
    )
    assert calls == [[1, 2, 3], [4], [5]]
    assert results == [2, 4, 6, 8, 10]


def test_the_journal_remembers_and_forgets(blank: Page) -> None:
    seen = run(
        blank,
        """
        const { Journal } = await from("resume/journal");
        const entry = (fingerprint, state) => ({ fingerprint, id: `id of ${fingerprint}`, state });
        const namespace = crypto.randomUUID();
        await new Journal(namespace).put(entry("a", "sending"));
        const journal = new Journal(namespace);
        await journal.put(entry("b", "cancelled"));
        const now = Date.now;
        Date.now = () => now() - 31 * 24 * 3600 * 1000;
        await journal.put(entry("old", "sent"));
        Date.now = now;
        await journal.remove("a", "id of another upload");
        const leftovers = await journal.tidy();
        const seen = [
            (await journal.get("a")).state,
            leftovers.map(({ id }) => id),
            (await journal.get("old")) === undefined,
            (await new Journal("somebody else").get("a")) === undefined,
        ];
        await journal.remove("a", "id of a");
        return [...seen, (await journal.get("a")) === undefined];
        """,
    )
    assert seen == ["sending", ["id of b"], True, True, True]


def test_the_journal_does_without_a_database(blank: Page) -> None:
    state = run(
        blank,
        """
        indexedDB.open = () => { throw new Error("not in this window"); };
        const { Journal } = await from("resume/journal");
        const journal = new Journal("x");
        await journal.put({ fingerprint: "a", id: "1", state: "sent" });
        return [(await journal.get("a")).state, await journal.tidy()];
        """,
    )
    assert state == ["sent", []]


@pytest.mark.parametrize(
    "break_",
    [
        "IDBObjectStore.prototype.put = () => { throw new DOMException('', 'QuotaExceeded'); }",
        "IDBDatabase.prototype.transaction = () => { throw new DOMException('', 'InvalidState'); }",
    ],
)
def test_a_database_that_fails_later_stops_nobody(blank: Page, break_: str) -> None:
    state = run(
        blank,
        f"""
        const {{ Journal }} = await from("resume/journal");
        const journal = new Journal(crypto.randomUUID());
        await journal.put({{ fingerprint: "a", id: "1", state: "sending" }});
        {break_};
        await journal.put({{ fingerprint: "b", id: "2", state: "sent" }});
        await journal.remove("a", "1");
        return [(await journal.get("b")).state, (await journal.get("a")) ?? null];
        """,
    )
    assert state == ["sent", None]


def test_a_deleted_file_is_forgotten_by_its_id(blank: Page) -> None:
    found = run(
        blank,
        """
        const { Journal } = await from("resume/journal");
        const journal = new Journal(crypto.randomUUID());
        await journal.put({ fingerprint: "a", id: "1", state: "sent" });
        await journal.put({ fingerprint: "b", id: "2", state: "sent" });
        await journal.removeId("1");
        return [(await journal.get("a")) ?? null, (await journal.get("b")).id];
        """,
    )
    assert found == [None, "2"]


def test_hints_are_few_and_only_while_nothing_settles(blank: Page) -> None:
    hints, settled = run(
        blank,
        """
        const { Confirmations } = await from("confirmations");
        let now = 0;
        Date.now = () => now;
        globalThis.setTimeout = (act) => { queue.push(act); return queue.length; };
        const queue = [];
        const tick = async () => {
            now += 3000;
            queue.splice(0).at(-1)?.();
            for (let i = 0; i < 50; i += 1) await Promise.resolve();
        };
        let hints = 0, settling = true;
        const confirmations = new Confirmations({
            ask: async (ids) => ids.map((id) => ({ id })),
            settle: (id) => settling && id === "first" ,
            hint: async () => { hints += 1; },
        });
        for (let i = 0; i < 100; i += 1) confirmations.add(`id ${i}`);
        for (let i = 0; i < 5; i += 1) { confirmations.add("first"); await tick(); }
        const settled = hints;
        settling = false;
        confirmations.remove("first");
        for (let i = 0; i < 4; i += 1) await tick();
        return [hints, settled];
        """,
    )
    assert settled == 0
    assert 0 < hints <= 10


#: A server that exists in the page alone, for what no real one does at the right moment.
FAKE_API = """
    const made = [];
    const answers = {
        begin: async () => { made.push(1); return { id: `id-${made.length}`, ...input.begun }; },
        statuses: async (ids) => ids.map((id) => ({ id, state: "pending" })),
        complete: async () => ({}), parts: async () => [], abort: async () => null,
        signParts: async () => { throw new Error("not expected"); },
    };
    const { Uploader } = await from("uploader");
    const { ApiError } = await from("errors");
    const namespace = crypto.randomUUID();
    const make = (options) => new Uploader(answers, { namespace, concurrency: 2, ...options });
    const file = (name, text = "x") => new File([text], name, { lastModified: 1 });
    const until = async (condition) => { while (!condition()) await later(5); };
"""
PARTS = {"token": "t", "multipart": {"part_size": 5, "part_count": 1}}


def test_a_cancelled_row_that_waited_does_not_rise_again(blank: Page) -> None:
    state, totals, busy = run(
        blank,
        FAKE_API
        + """
        answers.begin = () => new Promise(() => {});
        const real = navigator.locks.request.bind(navigator.locks);
        let slow = false;
        navigator.locks.request = async (...details) => {
            if (slow) await later(100);
            return real(...details);
        };
        const uploader = make();
        const [first] = uploader.add([file("a")]);
        await until(() => first.fingerprint !== null);
        await later(50);
        slow = true;
        const [second] = uploader.add([file("a")]);
        await until(() => second.fingerprint !== null);
        uploader.cancel(second);
        await later(300);
        return [second.state, uploader.totals.active, uploader.busy];
        """,
        {"begun": PARTS},
    )
    assert (state, totals, busy) == ("cancelled", 1, True)


def test_a_dismissed_row_stays_away_when_it_is_too_late_to_cancel(blank: Page) -> None:
    events, totals = run(
        blank,
        FAKE_API
        + """
        let signing = false;
        answers.signParts = () => { signing = true; return new Promise(() => {}); };
        answers.abort = async () => {
            await later(50);
            throw new ApiError(409, "upload_completed", "");
        };
        const uploader = make();
        const events = [];
        const [upload] = uploader.add([file("a")]);
        await until(() => signing);
        uploader.cancel(upload);
        uploader.addEventListener("state", () => events.push(upload.state));
        uploader.addEventListener("remove", () => events.push("remove"));
        uploader.remove(upload);
        await later(200);
        return [events, uploader.totals.failed];
        """,
        {"begun": PARTS},
    )
    assert (events, totals) == (["remove"], 0)


def test_too_late_to_cancel_is_said_by_confirming_the_file(blank: Page) -> None:
    state, upload_id = run(
        blank,
        FAKE_API
        + """
        let signing = false;
        answers.signParts = () => { signing = true; return new Promise(() => {}); };
        answers.abort = async () => { throw new ApiError(409, "upload_completed", ""); };
        const uploader = make();
        const [upload] = uploader.add([file("a")]);
        await until(() => signing);
        uploader.cancel(upload);
        await until(() => upload.state !== "cancelled");
        return [upload.state, upload.id];
        """,
        {"begun": PARTS},
    )
    assert (state, upload_id) == ("confirming", "id-1")


@pytest.mark.parametrize(("minutes", "begun"), [(1, 0), (60, 1)])
def test_a_server_that_lost_its_data_gets_the_file_again(
    blank: Page, minutes: int, begun: int
) -> None:
    found = run(
        blank,
        FAKE_API
        + """
        const { Journal } = await from("resume/journal");
        const { Hasher } = await from("hashing/hasher");
        const hasher = new Hasher("/static/uploads/client/hashing/hash-worker.js");
        const fingerprint = await hasher.fingerprint(file("a"), "a", never);
        const now = Date.now;
        Date.now = () => now() - input.minutes * 60_000;
        await new Journal(namespace).put({ fingerprint, id: "old", token: null, state: "sent" });
        Date.now = now;
        const uploader = make();
        const [upload] = uploader.add([file("a")]);
        await until(() => made.length || upload.state === "confirming");
        uploader.cancel(upload);
        return made.length;
        """,
        {"begun": {"method": "PUT", "url": "/nowhere", "headers": {}}, "minutes": minutes},
    )
    assert found == begun


def test_uploading_again_survives_a_failure(blank: Page) -> None:
    count = run(
        blank,
        FAKE_API
        + """
        const { Journal } = await from("resume/journal");
        const { Hasher } = await from("hashing/hasher");
        const hasher = new Hasher("/static/uploads/client/hashing/hash-worker.js");
        const fingerprint = await hasher.fingerprint(file("a"), "a", never);
        await new Journal(namespace).put({ fingerprint, id: "old", token: null, state: "sent" });
        answers.statuses = async (ids) =>
            ids.map((id) => ({ id, state: "stored", file: { checksum: "" } }));
        const begin = answers.begin;
        answers.begin = async () => { throw new ApiError(413, "file_too_large", ""); };
        const uploader = make();
        const [upload] = uploader.add([file("a")]);
        await until(() => upload.alreadyStored);
        uploader.uploadAgain(upload);
        await until(() => upload.state === "failed");
        answers.begin = begin;
        upload.curable = true;
        uploader.retry(upload);
        await until(() => made.length || upload.state === "stored");
        uploader.cancel(upload);
        return made.length;
        """,
        {"begun": PARTS},
    )
    assert count == 1


@pytest.mark.parametrize("locks", [True, False], ids=["Web Locks", "without them"])
def test_a_lock_has_one_holder(blank: Page, locks: bool) -> None:
    seen = run(
        blank,
        """
        if (!input) Object.defineProperty(navigator, "locks", { value: undefined });
        const { take, tryTake } = await from("resume/lock");
        const seen = [], name = crypto.randomUUID();
        const release = await take(name, never, () => seen.push("not expected"));
        seen.push(await tryTake(name));
        const stop = new AbortController();
        const stopped = take(name, stop.signal, () => {})
            .catch((error) => seen.push(error.message));
        const second = take(name, never, () => seen.push("waits"));
        // It asked later than the one that is stopped, so that one waits too.
        while (!seen.includes("waits")) await later(5);
        stop.abort(new Error("stopped"));
        await stopped;
        release();
        (await second)();
        (await take(name, never, () => {}))();
        return seen;
        """,
        locks,
    )
    assert seen == [None, "waits", "stopped"]


def test_speed_is_smooth_and_falls_while_nothing_moves(blank: Page) -> None:
    steady, bumped, idle = run(
        blank,
        """
        const { Rate } = await from("progress/rate");
        const rate = new Rate();
        let now = 0;
        performance.now = () => now;
        let bytes = 0;
        for (; now <= 20_000; now += 100, bytes += 1000) rate.update(bytes);
        const steady = rate.speed;
        rate.update((bytes += 10_000), (now += 300));
        const bumped = rate.speed;
        now += 30_000;
        return [steady, bumped, rate.speed];
        """,
    )
    assert steady == pytest.approx(10_000, rel=0.01)
    assert steady < bumped < 1.3 * steady
    assert idle < 0.01 * steady
