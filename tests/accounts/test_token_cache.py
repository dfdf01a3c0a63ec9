"""API tokens are kept in memory for seconds, and dropped when this process changes them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, Permission, User
from django.db import connection, transaction
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils import timezone

from local.aws import LocalAws
from tests.support.users import signed_in
from tests.web.test_api import check_error
from uploads.accounts import api_tokens, token_cache
from uploads.accounts.token_cache import TokenCache
from uploads.models import ApiToken, Quota, Scope
from uploads.web.api.auth import Bearer

FILE = {"file_name": "a.txt", "size": 5}


@pytest.fixture
def secret(alice: User) -> Iterator[str]:
    token_cache.cache.clear()
    yield api_tokens.create(alice)
    token_cache.cache.clear()


def queries(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


def test_a_request_with_a_known_token_only_writes_the_audit_log(aws: LocalAws, secret: str) -> None:
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.post("/get-url", FILE, "application/json").status_code == 200
    for path, body in (
        ("/get-url", FILE),
        ("/uploads", FILE),
        ("/uploads/batch", {"files": [FILE] * 3}),
    ):
        with CaptureQueriesContext(connection) as captured:
            response = client.post(path, body, "application/json")
        assert response.status_code in {200, 201}
        assert [query["sql"].split()[:3] for query in captured] == [
            ["INSERT", "INTO", '"uploads_auditentry"']
        ], path
    assert queries(lambda: client.get("/files")) == 0


# What this process changes


def delete_token(alice: User) -> None:
    ApiToken.objects.get().delete()


def delete_tokens_at_once(alice: User) -> None:
    ApiToken.objects.all().delete()


def delete_user(alice: User) -> None:
    alice.delete()


def delete_users_at_once(alice: User) -> None:
    User.objects.filter(pk=alice.pk).delete()


def deactivate_user(alice: User) -> None:
    alice.is_active = False
    alice.save()


def replace_secret(alice: User) -> None:
    token = ApiToken.objects.get()
    token.digest = ApiToken.digest_of("another")
    token.save()


REVOCATIONS = [
    delete_token, delete_tokens_at_once, delete_user, delete_users_at_once, deactivate_user,
    replace_secret,
]  # fmt: skip


@pytest.mark.parametrize("revoke", REVOCATIONS)
def test_a_revocation_takes_effect_at_once(
    secret: str, alice: User, revoke: Callable[[User], None]
) -> None:
    assert api_tokens.find(secret) is not None
    revoke(alice)
    assert api_tokens.find(secret) is None


def test_a_revocation_through_a_proxy_of_the_project_takes_effect_at_once(
    secret: str, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with isolate_apps("uploads") as registry:

        class StaffUser(User):
            class Meta:
                proxy = True
                app_label = "uploads"

        monkeypatch.setattr(token_cache, "apps", registry)
        token_cache.watch_changes()
    assert api_tokens.find(secret) is not None
    StaffUser(pk=alice.pk, is_active=False).save(update_fields=["is_active"])
    assert api_tokens.find(secret) is None


def test_a_revocation_in_the_admin_takes_effect_at_once(
    aws: LocalAws, secret: str, root: User
) -> None:
    client, admin = Client(headers={"Authorization": f"Bearer {secret}"}), signed_in(root)
    assert client.get("/files").status_code == 200
    path = f"/admin/uploads/apitoken/{ApiToken.objects.get().pk}/delete/"
    assert admin.post(path, {"post": "yes"}).status_code == 302
    check_error(client.get("/files"), 401, "not_authenticated")


@pytest.mark.parametrize("change", ["set", "raise", "remove"])
def test_a_quota_takes_effect_at_once(secret: str, alice: User, change: str) -> None:
    if change != "set":
        Quota.objects.create(user=alice, limit=5)
    found = api_tokens.find(secret)
    assert found is not None
    assert getattr(found.user, "filehub_quota", None) == (
        None if change == "set" else alice.filehub_quota
    )
    if change == "remove":
        Quota.objects.get().delete()
    else:
        Quota.objects.update_or_create(user=alice, defaults={"limit": 7})
    found = api_tokens.find(secret)
    assert found is not None
    own = getattr(found.user, "filehub_quota", None)
    assert (own and own.limit) == (None if change == "remove" else 7)


def test_the_new_name_of_a_user_shows_at_once(secret: str, alice: User) -> None:
    api_tokens.find(secret)
    alice.username = "alicia"
    alice.save()
    found = api_tokens.find(secret)
    assert found is not None
    assert found.user.get_username() == "alicia"


def _user(secret: str) -> Any:
    """The user of a request with this token."""
    request = HttpRequest()
    Bearer(Scope.READ).authenticate(request, secret)
    return request.user


def test_permissions_are_those_of_the_moment(secret: str, alice: User) -> None:
    """Django notes permissions on the user, who must not be the one in memory."""
    group, permission = Group.objects.create(name="g"), Permission.objects.all()[0]
    alice.groups.add(group)
    name = f"{permission.content_type.app_label}.{permission.codename}"

    def has_permission() -> bool:
        return bool(_user(secret).has_perm(name))

    assert not has_permission()
    group.permissions.add(permission)
    assert has_permission()
    group.permissions.clear()
    assert not has_permission()
    alice.user_permissions.add(permission)
    assert has_permission()


def test_what_a_request_notes_on_its_user_stays_there(secret: str) -> None:
    first = _user(secret)
    first.username = "changed"
    first._state.db = "other"
    first._state.fields_cache["groups"] = "noted"
    second = _user(secret)
    assert (second.username, second._state.db) == ("alice", "default")
    assert "groups" not in second._state.fields_cache


# What others change


def delete_by_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {ApiToken._meta.db_table}")


def deactivate_by_update() -> None:
    User.objects.update(is_active=False)


@pytest.mark.parametrize("change", [delete_by_sql, deactivate_by_update])
def test_other_changes_take_seconds(
    secret: str, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]
) -> None:
    now = 1_000.0
    monkeypatch.setattr(token_cache, "monotonic", lambda: now)
    assert api_tokens.find(secret) is not None
    change()
    now += token_cache.SECONDS - 0.1
    assert api_tokens.find(secret) is not None
    # What was used does not stay for longer.
    now += 0.2
    assert api_tokens.find(secret) is None


def test_a_new_token_works_at_once_even_if_it_was_tried_before(alice: User) -> None:
    assert api_tokens.find("secret") is None
    ApiToken.objects.bulk_create([ApiToken(user=alice, digest=ApiToken.digest_of("secret"))])
    assert api_tokens.find("secret") is not None


def test_the_use_of_a_token_in_memory_is_recorded(secret: str) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for minutes, writes in ((0, 1), (4, 0), (2, 1), (1, 0)):
            clock.shift(timedelta(minutes=minutes))
            Bearer(Scope.READ).authenticate(HttpRequest(), secret)
            with CaptureQueriesContext(connection) as captured:
                Bearer(Scope.READ).authenticate(HttpRequest(), secret)
            assert not captured.captured_queries
            used = ApiToken.objects.get().last_used_at
            assert used is not None
            assert (used == timezone.now()) == bool(writes), minutes


# Races


def test_what_was_read_before_a_change_is_not_kept() -> None:
    cache, old, new = TokenCache(), ApiToken(name="old"), ApiToken(name="new")

    def read_slowly(digest: str) -> ApiToken:
        cache.clear()  # another thread revokes the token meanwhile
        return old

    assert cache.get("x", read_slowly) is old
    assert cache.get("x", lambda _: new) is new
    assert cache.get("x", lambda _: old) is new


@pytest.mark.django_db(transaction=True)
def test_a_revocation_applies_when_it_is_committed(alice: User) -> None:
    """Until then, other threads still read the token and put it back."""
    secret = api_tokens.create(alice)
    stale = api_tokens.find(secret)
    assert stale is not None
    with transaction.atomic():
        ApiToken.objects.all().delete()
        token_cache.cache.get(stale.digest, lambda _: stale)
        assert api_tokens.find(secret) is stale
    assert api_tokens.find(secret) is None


def test_the_number_of_tokens_in_memory_is_limited() -> None:
    cache = TokenCache(size=3)
    found = {str(number): ApiToken(name=str(number)) for number in range(5)}
    for digest, token in found.items():
        assert cache.get(digest, found.get) is token
    assert sorted(cache._entries) == ["2", "3", "4"]
    assert cache.get("none", found.get) is None
    assert sorted(cache._entries) == ["2", "3", "4"]


def test_threads_share_the_tokens() -> None:
    cache, token, barrier = TokenCache(size=2), ApiToken(), threading.Barrier(8)

    def use(number: int) -> bool:
        barrier.wait()
        for turn in range(200):
            if number == 0:
                cache.clear()
            if cache.get(str((number + turn) % 5), lambda _: token) is not token:
                return False
        return len(cache._entries) <= 2

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(8)))


def test_secrets_are_not_kept(secret: str) -> None:
    api_tokens.find(secret)
    assert list(token_cache.cache._entries) == [ApiToken.digest_of(secret)]
    assert secret not in json.dumps(
        [vars(e.token) for e in token_cache.cache._entries.values()], default=str
    )


# Expiry


def test_a_token_in_memory_is_refused_after_its_last_day_without_a_query(
    aws: LocalAws, alice: User
) -> None:
    last_day = datetime(2030, 1, 31, tzinfo=UTC)
    with time_machine.travel(last_day.replace(hour=23, minute=59, second=59), tick=False) as clock:
        secret = api_tokens.create(alice, expires_on=last_day.date())
        client = Client(headers={"Authorization": f"Bearer {secret}"})
        assert client.get("/files").status_code == 200
        clock.shift(timedelta(seconds=1))
        with CaptureQueriesContext(connection) as captured:
            check_error(client.get("/files"), 401, "token_expired")
    assert len(captured) == 0
