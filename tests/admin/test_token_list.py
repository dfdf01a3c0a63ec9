"""Tokens are searched and revoked, and forged selections do no harm."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from local.aws import LocalAws
from tests.admin.helpers import FORGED, TOKENS, USERS, status_with_token, token_of
from uploads.accounts import api_tokens, token_cache
from uploads.models import ApiToken

pytestmark = pytest.mark.usefixtures("_static_files")


def test_tokens_are_found_by_user_and_by_name(admin: Client, alice: User, bob: User) -> None:
    token_of(alice, "backup")
    token_of(bob, "nightly")
    for query, name in (("alice", "backup"), ("night", "nightly")):
        page = admin.get(TOKENS, {"q": query}).content.decode()
        assert [n for n in ("backup", "nightly") if n in page] == [name]


def test_the_list_of_tokens_costs_the_same_for_many(admin: Client, alice: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(TOKENS).status_code == 200
        return len(captured)

    token_of(alice)
    few = queries()
    for number in range(30):
        token_of(User.objects.create_user(f"user-{number}"))
    assert queries() == few


def test_a_revoked_token_is_refused(aws: LocalAws, admin: Client, alice: User) -> None:
    secret = api_tokens.create(alice)
    assert status_with_token(secret) == 200
    admin.post(f"{TOKENS}{ApiToken.objects.get().pk}/delete/", {"post": "yes"})
    assert status_with_token(secret) == 401


def test_several_tokens_are_revoked_at_once(admin: Client, alice: User, bob: User) -> None:
    revoked = [token_of(alice).pk, token_of(bob).pk]
    kept = token_of(alice).pk
    form = {"action": "delete_selected", "_selected_action": revoked}
    page = admin.post(TOKENS, form)
    assert page.status_code == 200
    assert ApiToken.objects.count() == 3
    admin.post(TOKENS, {**form, "post": "yes"})
    assert [token.pk for token in ApiToken.objects.all()] == [kept]
    assert LogEntry.objects.count() == 2


def test_the_pages_that_revoke_say_how_long_other_processes_may_take(
    admin: Client, alice: User
) -> None:
    token = token_of(alice)
    form = {"action": "delete_selected", "_selected_action": [token.pk]}
    for page in (admin.get(f"{TOKENS}{token.pk}/delete/"), admin.post(TOKENS, form)):
        assert f"for up to {token_cache.SECONDS:.0f} seconds" in page.content.decode()


@pytest.mark.parametrize("path", [TOKENS, USERS])
@pytest.mark.parametrize("more", [{}, {"index": "0"}, {"post": "yes"}, {"index": "x"}])
def test_a_forged_selection_is_ignored(
    admin: Client, alice: User, path: str, more: dict[str, str]
) -> None:
    token_of(alice)
    for forged in FORGED:
        form = {"action": "delete_selected", "_selected_action": [forged, forged], **more}
        assert admin.post(path, form).status_code in {200, 302}, forged
    assert (ApiToken.objects.count(), User.objects.count()) == (1, 2)


def test_a_partly_forged_selection_revokes_the_valid_tokens(admin: Client, alice: User) -> None:
    token = token_of(alice)
    form = {"action": "delete_selected", "_selected_action": ["zz", token.pk], "post": "yes"}
    admin.post(TOKENS, form)
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("page", ["change", "delete", "history"])
def test_a_forged_id_is_ignored(admin: Client, page: str) -> None:
    for forged in set(FORGED) - {"", "\x00"}:
        assert admin.get(f"{TOKENS}{forged}/{page}/").status_code in {302, 404}, forged


@pytest.mark.parametrize(
    "query", ["q=%00", "q=x", "o=9", "p=9", "all=", "user__password=x", "digest=x", "_popup=1"]
)
def test_invalid_queries_cause_no_server_error(admin: Client, query: str) -> None:
    for path in (TOKENS, USERS):
        assert admin.get(f"{path}?{query}").status_code in {200, 302, 400}
