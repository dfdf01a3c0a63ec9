"""Each thing that somebody does leaves exactly one entry: who, what, on what, from where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.auth.tokens import default_token_generator
from django.core.management import call_command
from django.test import Client
from django.utils.http import urlsafe_base64_encode

from tests.admin.files.helpers import act
from tests.admin.helpers import TOKENS, USERS, make, quota_form, set_quota, token_of, tokens_form
from tests.support.files import store
from tests.support.users import PASSWORD, signed_in
from uploads.accounts import api_tokens, owners
from uploads.aws import multipart
from uploads.core import keys
from uploads.files import folder_actions, trash
from uploads.files.batches import Actor
from uploads.models import ApiToken, AuditEntry

pytestmark = pytest.mark.django_db

AGENT = "Mozilla/5.0 (a test)"
ADDRESS = "203.0.113.9"
HEADERS: dict[str, Any] = {"headers": {"User-Agent": AGENT}, "REMOTE_ADDR": ADDRESS}


@dataclass
class World:
    """Alice with an API token and a session, and root with a session of the admin site."""

    alice: User
    root: User
    token: ApiToken
    api: Client
    page: Client
    admin: Client

    @property
    def owner(self) -> str:
        return owners.owner_of(self.alice)

    def post(self, path: str, body: object) -> Any:
        return self.api.post(path, body, content_type="application/json")


@pytest.fixture
def world(_static_files: None, aws: object, alice: User, root: User) -> World:
    issued = api_tokens.issue(alice)
    bearer = {"User-Agent": AGENT, "Authorization": f"Bearer {issued.secret}"}
    clients = [Client(**HEADERS) for _ in range(2)]
    for client, user in zip(clients, (alice, root), strict=True):
        client.force_login(user)
    return World(
        alice,
        root,
        ApiToken.objects.get(pk=issued.id),
        Client(headers=bearer, REMOTE_ADDR=ADDRESS),
        *clients,
    )


@contextmanager
def entries() -> Iterator[list[AuditEntry]]:
    """The entries that the block adds."""
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    added: list[AuditEntry] = []
    yield added
    added += AuditEntry.objects.exclude(pk__in=before).order_by("pk")


def in_trash(world: World) -> str:
    upload_id = store(world.owner)
    trash.move_to_trash([upload_id], Actor(world.owner, world.owner))
    return upload_id


FILE = {"file_name": "a.txt", "size": 5}
#: What a program or a page of alice's does, after it was prepared -> the action. A preparation
#: returns the id that the entry must have.
Prepare = Callable[[World], str]
Do = Callable[[World, str], Any]
OWN: dict[str, tuple[str, Prepare, Do]] = {
    "get-url": ("upload_signed", lambda w: "", lambda w, _: w.post("/get-url", FILE)),
    "uploads": ("upload_signed", lambda w: "", lambda w, _: w.post("/uploads", FILE)),
    "batch": (
        "upload_signed",
        lambda w: "",
        lambda w, _: w.post("/uploads/batch", {"files": [FILE, {"size": 1}]}),
    ),
    "uppy, PUT": (
        "upload_signed",
        lambda w: "",
        lambda w, _: w.api.get("/s3/params?filename=a.txt", headers={"Accept": "application/json"}),
    ),
    "uppy, form": (
        "upload_signed",
        lambda w: "",
        lambda w, _: w.api.get("/s3/params?filename=a.txt", headers={"Accept": "*/*"}),
    ),
    "uppy, parts": (
        "upload_signed",
        lambda w: "",
        lambda w, _: w.post("/s3/multipart", {"filename": "a.txt"}),
    ),
    "uppy 6, PUT": (
        "upload_signed",
        lambda w: "",
        lambda w, _: w.post("/s3/sign", {"method": "PUT", "key": "a.txt"}),
    ),
    "download": (
        "download_signed",
        lambda w: store(w.owner),
        lambda w, i: w.api.get(f"/files/{i}/download"),
    ),
    "preview": (
        "preview_signed",
        lambda w: store(w.owner),
        lambda w, i: w.api.get(f"/files/{i}/preview"),
    ),
    "rename": (
        "file_changed",
        lambda w: store(w.owner),
        lambda w, i: w.api.patch(f"/files/{i}", {"file_name": "b"}, "application/json"),
    ),
    "move": (
        "file_changed",
        lambda w: store(w.owner),
        lambda w, i: w.post("/files/move", {"ids": [i], "folder": "x"}),
    ),
    "trash": (
        "file_trashed",
        lambda w: store(w.owner),
        lambda w, i: w.post("/files/trash", {"ids": [i]}),
    ),
    "restore": ("file_restored", in_trash, lambda w, i: w.post("/files/restore", {"ids": [i]})),
    "delete many": (
        "file_deleted",
        lambda w: store(w.owner),
        lambda w, i: w.post("/files/delete", {"ids": [i, keys.new_upload_id("7", "x")]}),
    ),
    "delete": ("file_deleted", lambda w: store(w.owner), lambda w, i: w.api.delete(f"/files/{i}")),
    "empty the trash": ("file_deleted", in_trash, lambda w, _: w.post("/files/trash/empty", {})),
    "create a folder": (
        "folder_created",
        lambda w: "x/y",
        lambda w, path: w.post("/folders", {"folder": path}),
    ),
    "move a folder": (
        "folder_moved",
        lambda w: "x" if folder_actions.create(w.owner, "x") else "",
        lambda w, path: w.api.patch("/folders", {"folder": path, "to": "y"}, "application/json"),
    ),
    "delete a folder": (
        "folder_deleted",
        lambda w: "x" if folder_actions.create(w.owner, "x") else "",
        lambda w, path: w.api.delete(f"/folders?folder={path}"),
    ),
}


@pytest.mark.parametrize(("action", "prepare", "do"), OWN.values(), ids=OWN)
def test_what_a_program_does_leaves_one_entry(
    world: World, action: str, prepare: Prepare, do: Do
) -> None:
    target = prepare(world)
    with entries() as added:
        response = do(world, target)
        assert response.status_code < 300, response.content
    (entry,) = added
    assert (entry.action, entry.outcome) == (action, "ok")
    assert (entry.user_key, entry.user_name) == (world.owner, "alice")
    assert entry.token_id == world.token.pk
    assert (entry.address, entry.agent) == (ADDRESS, AGENT)
    assert entry.request_id == response["X-Request-ID"]
    assert entry.object_id == target if target else keys.parse_upload_id(entry.object_id)
    if entry.object_kind == "file":
        assert entry.object_name in {"a.txt", "b"}


def sign_in(client: Client, password: str) -> Any:
    return client.post("/accounts/login/", {"username": "alice", "password": password})


def change_password(world: World, old: str) -> Any:
    new = "another-demo-password"
    form = {"old_password": old, "new_password1": new, "new_password2": new}
    return world.page.post("/accounts/password/", form)


def reset_password(world: World) -> Any:
    new = "another-demo-password"
    uid = urlsafe_base64_encode(str(world.alice.pk).encode())
    client = Client(**HEADERS)
    token = default_token_generator.make_token(world.alice)
    form = client.get(f"/accounts/password/reset/{uid}/{token}/")["Location"]
    return client.post(form, {"new_password1": new, "new_password2": new})


TOKEN_FORM = {"name": "ci", "scopes": ["read"]}
ACCOUNT: dict[str, tuple[str, str, Callable[[World], Any]]] = {
    "sign in": ("sign_in", "ok", lambda w: sign_in(Client(**HEADERS), PASSWORD)),
    "fail to": ("sign_in_failed", "refused", lambda w: sign_in(Client(**HEADERS), "wrong")),
    "sign out": ("sign_out", "ok", lambda w: w.page.post("/accounts/logout/")),
    "change the password": ("password_changed", "ok", lambda w: change_password(w, PASSWORD)),
    "with a wrong one": ("sign_in_failed", "refused", lambda w: change_password(w, "wrong")),
    "reset it": ("password_reset", "ok", reset_password),
    "create a token": (
        "token_created",
        "ok",
        lambda w: w.page.post("/account/tokens/", TOKEN_FORM),
    ),
    "revoke a token": (
        "token_revoked",
        "ok",
        lambda w: w.page.post(f"/account/tokens/{w.token.pk}/revoke/"),
    ),
}


@pytest.mark.parametrize(("action", "outcome", "do"), ACCOUNT.values(), ids=ACCOUNT)
def test_what_users_do_with_their_account_leaves_one_entry(
    world: World, action: str, outcome: str, do: Callable[[World], Any]
) -> None:
    with entries() as added:
        do(world)
    (entry,) = added
    assert (entry.action, entry.outcome) == (action, outcome)
    assert (entry.user_key, entry.user_name, entry.token_id) == (world.owner, "alice", None)
    assert (entry.address, entry.agent) == (ADDRESS, AGENT)


def confirmed(action: str, **answer: str) -> Do:
    return lambda w, i: act(w.admin, action, i, confirmed="yes", **answer)


def aborted(world: World) -> str:
    upload_id = keys.new_upload_id(world.owner, "secret")
    multipart.create(
        upload_id, owner=world.owner, file_name="a", folder="", content_type="a/b", checksums=False
    )
    return upload_id


def abort(world: World, upload_id: str) -> Any:
    (upload,) = multipart.list_unfinished(limit=10).uploads
    form = {"only": f"{upload.s3_upload_id} {upload.key}", "confirmed": "yes"}
    return world.admin.post("/admin/uploads/storagereport/abort/", form)


def revoke(world: World, owner: str) -> Any:
    token = token_of(world.alice, "old")
    form = quota_form(world.alice, "", **UNCHANGED) | tokens_form(
        world.alice, token.pk, deleted=[0]
    )
    return world.admin.post(f"{USERS}{owner}/change/", form)


#: Django compares this field with what the form had.
UNCHANGED = {"initial-date_joined_0": "2026-01-01", "initial-date_joined_1": "00:00:00"}


def settled(world: World) -> str:
    """Submit the form of a user once, so that nothing but what a test changes is a change."""
    set_quota(world.admin, world.alice, "")
    return world.owner


def group(world: World) -> str:
    return str(Group.objects.create(name="operators").pk)


ADMIN: dict[str, tuple[str, Prepare, Do]] = {
    "download": (
        "download_signed",
        lambda w: store(w.owner),
        lambda w, i: w.admin.get(f"/admin/uploads/file/{i}/download/"),
    ),
    "preview": (
        "preview_signed",
        lambda w: store(w.owner),
        lambda w, i: w.admin.get(f"/admin/uploads/file/{i}/change/"),
    ),
    "trash": ("file_trashed", lambda w: store(w.owner), confirmed("trash_files")),
    "restore": ("file_restored", in_trash, confirmed("restore_files")),
    "delete": ("file_deleted", lambda w: store(w.owner), confirmed("delete_files")),
    "check": ("file_checked", lambda w: store(w.owner), confirmed("check_again")),
    "owner": ("owner_changed", lambda w: store(w.owner), confirmed("change_owner", answer="root")),
    "list": ("list_exported", lambda w: store(w.owner), confirmed("download_manifest")),
    "abort": ("upload_aborted", aborted, abort),
    "quota": (
        "quota_changed",
        settled,
        lambda w, _: set_quota(w.admin, w.alice, "1 GB", **UNCHANGED),
    ),
    "rights": (
        "rights_changed",
        lambda w: w.owner,
        lambda w, _: set_quota(w.admin, w.alice, "", is_staff="on"),
    ),
    "revoke in a table": ("token_revoked", settled, revoke),
    "group": (
        "rights_changed",
        group,
        lambda w, i: w.admin.post(f"/admin/auth/group/{i}/change/", {"name": "others"}),
    ),
    "delete groups": (
        "rights_changed",
        group,
        lambda w, i: w.admin.post(
            "/admin/auth/group/",
            {"action": "delete_selected", "_selected_action": i, "post": "yes"},
        ),
    ),
    "delete a user": (
        "rights_changed",
        lambda w: str(User.objects.create_user("gone").pk),
        lambda w, i: w.admin.post(f"{USERS}{i}/delete/", {"post": "yes"}),
    ),
    "a token": ("token_created", lambda w: "", lambda w, _: make(w.admin, w.alice, "ci")),
    "revoke a token": (
        "token_revoked",
        lambda w: str(w.token.pk),
        lambda w, i: w.admin.post(f"{TOKENS}{i}/delete/", {"post": "yes"}),
    ),
    "download of this log": (
        "audit_exported",
        lambda w: "",
        lambda w, _: w.admin.get("/admin/uploads/auditentry/export/"),
    ),
}


@pytest.mark.parametrize(("action", "prepare", "do"), ADMIN.values(), ids=ADMIN)
def test_what_operators_do_leaves_one_entry(
    world: World, action: str, prepare: Prepare, do: Do
) -> None:
    target = prepare(world)
    with entries() as added:
        assert do(world, target).status_code in {200, 302}
    (entry,) = added
    assert (entry.action, entry.outcome) == (action, "ok")
    assert (entry.user_name, entry.token_id) == ("root", None)
    assert (entry.address, entry.agent) == (ADDRESS, AGENT)
    assert not target or entry.object_id == target


def test_an_entry_says_which_rights_a_user_has_now(world: World) -> None:
    operators = Group.objects.create(name="operators")
    with entries() as added:
        set_quota(world.admin, world.alice, "", is_staff="on", groups=str(operators.pk))
    rights = [entry.detail.partition("; now: ")[2] for entry in added]
    assert rights == ["is_active, is_staff, group operators"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_form_that_changes_rights_and_quota_leaves_an_entry_for_each(
    world: World, language: str
) -> None:
    world.admin.cookies["django_language"] = language
    with entries() as added:
        set_quota(world.admin, world.alice, "4096", is_staff="on")
    assert [entry.action for entry in added] == ["quota_changed", "rights_changed"]
    assert "(4096 bytes)" in added[0].detail


def test_commands_leave_an_entry_without_a_user(world: World) -> None:
    with entries() as added:
        call_command("create_api_token", "alice")
    who = [(entry.action, entry.user_key, entry.user_name, entry.detail) for entry in added]
    assert who == [("token_created", "", "manage.py", "of alice: upload read delete")]


def test_unknown_names_and_wrong_passwords_are_not_recorded(world: World) -> None:
    with entries() as added:
        Client().post("/accounts/login/", {"username": "my-password", "password": "x"})
    assert [(e.user_key, e.user_name, e.detail) for e in added] == [("", "", "")]


def test_nothing_is_recorded_about_files_of_others(world: World) -> None:
    other = store("7")
    with entries() as added:
        assert world.api.get(f"/files/{other}/download").status_code == 404
        assert world.api.delete(f"/files/{other}").status_code == 404
        world.post("/files/trash", {"ids": [other]})
    assert added == []


def test_a_signed_in_page_is_recorded_without_a_token(world: World) -> None:
    upload_id = store(world.owner)
    with entries() as added:
        signed_in(world.alice).get(f"/files/{upload_id}/download")
    assert [(e.action, e.token_id) for e in added] == [("sign_in", None), ("download_signed", None)]
