"""`save` returns once the file is recorded; after an error there is no file."""

from __future__ import annotations

import asyncio
import hashlib
import io
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import InMemoryStorage
from pytest_django import Settings

from tests.storages.helpers import content, id_in, info_of, objects, saved
from tests.support.users import Api
from tests.thumbnails.helpers import created
from uploads.aws import s3, sending
from uploads.core.errors import BackendUnavailable, FilehubError, InvalidRequest
from uploads.core.limits import MIB
from uploads.files import usage
from uploads.ingest import confirm
from uploads.storages import FilehubStorage, as_owner
from uploads.transfers import parts

pytestmark = pytest.mark.usefixtures("aws")

PART = 5 * MIB


@pytest.fixture
def small_parts(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"MULTIPART_THRESHOLD": PART, "PART_SIZE": PART}


NAMES = {
    "ordinary": ("report.pdf", "", "report.pdf"),
    "a path": ("reports/2026/report.pdf", "reports/2026", "report.pdf"),
    "Windows' path": ("reports\\report.pdf", "reports", "report.pdf"),
    "spaces, quotes, percent": (' a "b" %20;.txt', "", ' a "b" %20;.txt'),
    "not ASCII": ("Übergröße 👩‍👩‍👧.png", "", "Übergröße 👩‍👩‍👧.png"),
    "deceptive": ("Rechnung_\u202excod.exe", "", "Rechnung_\u202excod.exe"),
    "HTML": ("<script>alert(1)<", "", "<script>alert(1)<"),
    "as long as any": (f"{'é' * 125}.jpeg", "", f"{'é' * 125}.jpeg"),
    "like a name of ours": (f"{'0' * 36}-00000000/a.txt", f"{'0' * 36}-00000000", "a.txt"),
}


@pytest.mark.parametrize(("given", "folder", "file_name"), NAMES.values(), ids=NAMES.keys())
def test_the_record_has_the_name_as_it_was_given(
    alice: User, given: str, folder: str, file_name: str
) -> None:
    storage = FilehubStorage(owner=alice.pk)
    name = storage.save(given, content(), max_length=100)
    assert len(name) <= 100
    info = info_of(name)
    assert (info.folder, info.file_name, info.state) == (folder, file_name, "stored")
    assert storage.open(name).read() == b"hello"


REFUSED: dict[str, tuple[str, type[Exception]]] = {
    "a parent folder": ("../a.txt", SuspiciousFileOperation),
    "an absolute path": ("/etc/passwd", SuspiciousFileOperation),
    "no name": ("reports/", SuspiciousFileOperation),
    "a control character": ("a\0.txt", InvalidRequest),
    "too long": ("x" * 256, InvalidRequest),
    "a folder too deep": ("a/" * 33 + "a.txt", InvalidRequest),
}


@pytest.mark.parametrize(("name", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_an_impossible_name_is_refused(alice: User, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        FilehubStorage(owner=alice.pk).save(name, content())
    assert objects() == []


def test_what_is_saved_is_what_a_browser_would_have_uploaded(alice: User, api: Api) -> None:
    name = FilehubStorage(owner=alice.pk).save("a/b.csv", content("ä;b", "text/csv"))
    stored = s3.head(id_in(name))
    assert stored is not None
    body = "ä;b".encode()
    assert (stored.size, stored.content_type) == (len(body), "text/csv")
    assert (stored.owner, stored.folder, stored.file_name) == (api.owner, "a", "b.csv")
    assert stored.checksum == b64encode(hashlib.sha256(body).digest()).decode()
    (listed,) = api.get("/files?folder=a").json()
    assert (listed["id"], listed["file_name"]) == (id_in(name), "b.csv")


def test_an_event_that_comes_later_changes_nothing(alice: User, api: Api) -> None:
    name = saved(api.owner)
    before = info_of(name)
    assert confirm.apply_event(created(id_in(name))) == "stored"
    assert info_of(name).confirmed_at == before.confirmed_at
    assert usage.of_owner(api.owner).files == 1


class Unseekable(io.RawIOBase):
    """What comes from a socket."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, size: int = -1, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


CONTENTS: dict[str, tuple[Any, bytes]] = {
    "text": (content("Größe"), "Größe".encode()),
    "a text file": (File(io.StringIO("Größe")), "Größe".encode()),
    "nothing": (content(b""), b""),
    "a bare file": (io.BytesIO(b"bytes"), b"bytes"),
    "from a socket": (File(Unseekable(b"by", b"tes")), b"bytes"),
    "read before": (File(io.BytesIO(b"bytes")), b"bytes"),
}
CONTENTS["read before"][0].read()


@pytest.mark.parametrize(("given", "expected"), CONTENTS.values(), ids=CONTENTS.keys())
def test_content_of_any_kind_is_saved_completely(alice: User, given: Any, expected: bytes) -> None:
    storage = FilehubStorage(owner=alice.pk)
    name = storage.save("a.txt", given)
    assert (storage.open(name).read(), storage.size(name)) == (expected, len(expected))


@pytest.mark.usefixtures("small_parts")
def test_a_large_file_is_sent_in_parts_and_read_by_ranges(alice: User) -> None:
    body = bytes(range(256)) * (6 * PART // 256) + b"end"
    storage = FilehubStorage(owner=alice.pk)
    name = storage.save("large.bin", content(body))
    assert info_of(name).etag.endswith("-7")
    with storage.open(name) as file:
        file.seek(-3, io.SEEK_END)
        assert file.read() == b"end"
        file.seek(PART - 1)
        assert file.read(2) == b"\xff\0"
    with file.open():
        assert hashlib.sha256(file.read()).digest() == hashlib.sha256(body).digest()


IMAGES = {"ALLOWED_TYPES": ("image/*",)}
REJECTED: dict[str, tuple[dict[str, Any], str, str]] = {
    "too large": ({"MAX_SIZE": 4}, "a.txt", "file_too_large"),
    "of a type that is not allowed": (IMAGES, "a.txt", "type_not_allowed"),
    "over the quota": ({"USER_QUOTA": 4}, "a.txt", "quota_exceeded"),
    "not what its type says": (IMAGES, "a.png", "content_mismatch"),
}


@pytest.mark.parametrize(("rules", "name", "code"), REJECTED.values(), ids=REJECTED.keys())
def test_what_breaks_a_rule_raises_the_reason_and_leaves_no_object(
    alice: User, settings: Settings, rules: dict[str, Any], name: str, code: str
) -> None:
    settings.FILEHUB = settings.FILEHUB | rules
    with pytest.raises(FilehubError) as caught:
        FilehubStorage(owner=alice.pk).save(name, content(b"<html>"))
    assert caught.value.code == code
    assert str(caught.value)
    assert objects() == []


OUTAGES = {
    "put_part": (sending, "put_part", PART + 1),
    "complete": (parts, "complete", PART + 1),
    "put": (sending, "put", 1),
    "record": (confirm, "confirm", 1),
}


@pytest.mark.parametrize(("module", "name", "size"), OUTAGES.values(), ids=OUTAGES.keys())
@pytest.mark.usefixtures("small_parts")
def test_an_outage_leaves_no_object(
    alice: User, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, size: int
) -> None:
    """Not even if the request has arrived, and only its response is lost."""
    original = getattr(module, name)

    def lose_the_response(*args: Any, **kwargs: Any) -> None:
        if name != "confirm":
            original(*args, **kwargs)
        raise BackendUnavailable

    monkeypatch.setattr(module, name, lose_the_response)
    with pytest.raises(BackendUnavailable):
        FilehubStorage(owner=alice.pk).save("a.bin", content(b"x" * size))
    assert objects() == []


def test_a_record_is_enough_even_if_what_follows_it_fails(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as queueing a thumbnail: S3's event makes up for it."""
    original = confirm.confirm

    def fail_afterwards(upload_id: str) -> None:
        original(upload_id)
        raise BackendUnavailable

    monkeypatch.setattr(confirm, "confirm", fail_afterwards)
    storage = FilehubStorage(owner=alice.pk)
    assert storage.open(storage.save("a.txt", content())).read() == b"hello"


def test_files_of_the_same_name_do_not_disturb_each_other(aws: Any, alice: User) -> None:
    """Threads of one process share the storage, but not the owner."""
    owners = [str(alice.pk), "77", "78", "79"]
    storage = FilehubStorage()

    def save(number: int) -> str:
        with as_owner(owners[number % 4]):
            return storage.save("a.txt", content(b"%d" % number))

    # The quota is read in the database, of which each thread of the tests would have its own.
    with ThreadPoolExecutor(4) as pool, pytest.MonkeyPatch.context() as patched:
        patched.setattr("uploads.files.quotas.limits_of_owners", dict.fromkeys)
        names = list(pool.map(save, range(12)))
    assert len(set(names)) == 12
    for number, name in enumerate(names):
        assert storage.open(name).read() == b"%d" % number
        assert info_of(name).owner == owners[number % 4]


# --- The owner ------------------------------------------------------------------------------------


def whose() -> int | None:
    return 8


OWNERS: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "the option": ({"owner": 7}, None, "7"),
    "a function": ({"owner": 7, "get_owner": whose}, None, "8"),
    "the path of a function": ({"get_owner": f"{__name__}.whose"}, None, "8"),
    "a function that knows none": ({"owner": 7, "get_owner": lambda: None}, None, "7"),
    "the context": ({"owner": 7, "get_owner": whose}, "9", "9"),
}


@pytest.mark.parametrize(("options", "context", "owner"), OWNERS.values(), ids=OWNERS.keys())
def test_whose_file_it_is(options: dict[str, Any], context: str | None, owner: str) -> None:
    storage = FilehubStorage(**options)
    if context is None:
        assert storage._required_owner() == owner
        return
    with as_owner(context):
        assert storage._required_owner() == owner


def test_nothing_is_saved_without_an_owner(alice: User) -> None:
    with as_owner(alice):
        pass
    with pytest.raises(ImproperlyConfigured, match="as_owner"):
        FilehubStorage().save("a.txt", content())
    assert objects() == []


@pytest.mark.parametrize("user", [AnonymousUser(), User(), "", "alice", "7\0", None, 1.5])
def test_what_is_no_user_owns_nothing(user: Any) -> None:
    with pytest.raises(ImproperlyConfigured), as_owner(user):
        pass


def test_asynchronous_tasks_have_owners_of_their_own() -> None:
    storage = FilehubStorage()

    async def owner_in(user: str) -> str:
        with as_owner(user):
            await asyncio.sleep(0)
            return storage._required_owner()

    async def both() -> list[str]:
        return await asyncio.gather(owner_in("7"), owner_in("8"))

    # In a thread: a browser of other tests runs an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(both())).result() == ["7", "8"]


def test_it_has_what_djangos_storages_have() -> None:
    """Everything but the path on a disk."""
    public = {name for name in dir(InMemoryStorage()) if not name.startswith("_")}
    own = {"base_location", "base_url", "location", "directory_permissions_mode"}
    assert public - own - {"file_permissions_mode"} <= set(dir(FilehubStorage()))
    with pytest.raises(NotImplementedError):
        FilehubStorage().path("a.txt")
