"""Opening, listing and deleting files by the names that `save` returned, and by paths."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.storages.helpers import content, id_in, info_of, objects, saved
from tests.support.files import removal
from tests.support.http import send
from tests.support.users import Api
from uploads.files import moves, trash
from uploads.files.batches import Actor
from uploads.storages import FilehubStorage, FileWithheld, NoUrl, as_owner

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def storage(alice: User) -> FilehubStorage:
    return FilehubStorage(owner=alice.pk)


def test_a_file_is_read_with_what_is_known_about_it(storage: FilehubStorage) -> None:
    name = storage.save("a/Übersicht.txt", content("Größe\n"))
    assert storage.open(name, "r").read() == "Größe\n"
    assert storage.size(name) == 8
    assert storage.get_created_time(name) <= storage.get_modified_time(name) <= timezone.now()
    response = send("GET", storage.url(name))
    assert (response.status, response.body) == (200, "Größe\n".encode())
    assert "%C3%9Cbersicht.txt" in response.headers["Content-Disposition"]
    with pytest.raises(ValueError, match="cannot be changed"):
        storage.open(name, "wb")


def test_a_name_stays_valid_after_a_rename_and_a_move(storage: FilehubStorage, api: Api) -> None:
    name = storage.save("a.txt", content())
    actor = Actor(api.owner, api.owner)
    moves.move([id_in(name)], "elsewhere", actor)
    api.patch(f"/files/{id_in(name)}", {"file_name": "b.txt"})
    assert storage.open(name).read() == b"hello"
    assert storage.open("elsewhere/b.txt").read() == b"hello"
    assert not storage.exists("a.txt")


def test_anybody_may_be_given_the_name_but_paths_are_the_owners_own(
    storage: FilehubStorage, bob: User
) -> None:
    name = storage.save("a.txt", content())
    with as_owner(bob):
        assert storage.open(name).read() == b"hello"
        assert not storage.exists("a.txt")
        assert storage.listdir("") == ([], [])
    assert FilehubStorage().exists(name)


def test_folders_are_listed_page_by_page(
    storage: FilehubStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploads.storages.storage._PAGE", 2)
    for name in ("b.txt", "a.txt", "a.txt", "c.txt", "x/d.txt", "y/z/e.txt"):
        storage.save(name, content())
    assert storage.listdir("") == (["x", "y"], ["a.txt", "b.txt", "c.txt"])
    assert storage.listdir("y/") == (["z"], [])
    assert storage.listdir("missing") == ([], [])
    below = FilehubStorage(owner=storage._required_owner(), folder="y")
    assert below.listdir("z") == ([], ["e.txt"])
    assert below.open("z/e.txt").read() == b"hello"


def test_a_thumbnail_library_can_keep_its_own_names(storage: FilehubStorage) -> None:
    """Such as easy-thumbnails: it looks for a name that it computes from the original's, deletes
    it, saves it, ignores what `save` returns, and opens it by its own name.
    """
    original = storage.save("photo.jpg", content(b"original"))
    derived = f"{original}.100x100_q85.jpg"
    for body in (b"first", b"second"):
        storage.delete(derived)
        assert not storage.exists(derived)
        storage.save(derived, content(body))
        assert storage.exists(derived)
        assert storage.open(derived).read() == body
        assert send("GET", storage.url(derived)).body == body
    assert storage.open(original).read() == b"original"


def test_a_deleted_file_is_in_the_trash_of_its_owner(storage: FilehubStorage, api: Api) -> None:
    name = saved(api.owner)
    FilehubStorage().delete(name)
    info = info_of(name)
    assert (info.state, info.trashed_by) == ("trashed", api.owner)
    assert not storage.exists(name)
    for use in (storage.open, storage.size, storage.get_modified_time):
        with pytest.raises(FileNotFoundError):
            use(name)
    with pytest.raises(NoUrl, match="not found"):
        storage.url(name)
    storage.delete(name)
    trash.restore([id_in(name)], Actor(api.owner, api.owner))
    assert storage.open(name).read() == b"hello"


def test_without_a_trash_a_deleted_file_is_gone_at_once(
    storage: FilehubStorage, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"TRASH_DAYS": 0}
    name = storage.save("a.txt", content())
    storage.delete(name)
    # S3 has not reported it yet.
    assert (info_of(name).state, objects()) == ("stored", [])
    assert not storage.exists(name)
    assert not storage.exists("a.txt")
    removal(id_in(name), 9)
    storage.delete(name)


def test_a_file_that_is_removed_while_it_is_read(storage: FilehubStorage) -> None:
    name = storage.save("a.txt", content())
    file = storage.open(name)
    removal(id_in(name), 9)
    with pytest.raises(FileNotFoundError):
        file.read()


@pytest.mark.usefixtures("scanning")
def test_a_file_that_is_being_checked_for_malware_is_withheld(storage: FilehubStorage) -> None:
    name = storage.save("a.txt", content())
    assert info_of(name).state == "scanning"
    assert storage.exists(name)
    assert storage.size(name) == 5
    with pytest.raises(FileWithheld, match="malware") as opening:
        storage.open(name)
    assert isinstance(opening.value, PermissionError)
    with pytest.raises(NoUrl, match="malware") as signing:
        storage.url(name)
    assert opening.value.code == signing.value.code == "scanning"
    storage.delete(name)
    assert objects() == []


def test_the_admin_lists_what_was_saved(api: Api, admin: Client) -> None:
    name = saved(api.owner, "from a form.txt")
    assert id_in(name) in admin.get("/admin/uploads/file/").content.decode()


def test_a_path_that_no_file_can_have_names_nothing(storage: FilehubStorage) -> None:
    deep = "a/" * 40 + "a.txt"
    storage.delete(deep)
    assert not storage.exists(deep)
