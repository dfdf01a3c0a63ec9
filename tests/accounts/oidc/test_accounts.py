"""One account per subject, whatever else a provider or its users claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection

from tests.accounts.oidc.conftest import person
from tests.support.oidc import FakeProvider
from tests.support.users import signed_in, staff
from uploads.accounts.oidc.accounts import account_of
from uploads.accounts.oidc.errors import INACTIVE, NOT_PERMITTED, SignInFailed
from uploads.accounts.owners import owner_of
from uploads.models import AuditEntry, Identity

pytestmark = pytest.mark.django_db


def usernames() -> set[str]:
    return set(User.objects.values_list("username", flat=True))


def test_a_subject_is_always_the_same_user_and_owner() -> None:
    first = account_of(person(preferred_username="ada", email="a@example.com"))
    again = account_of(person(preferred_username="countess", given_name="Ada"))
    assert owner_of(again) == owner_of(first)
    assert (again.get_username(), User.objects.get().first_name) == ("countess", "Ada")


def test_subjects_and_issuers_are_compared_exactly() -> None:
    people = [
        person(sub="a"), person(sub="A"), person(sub="a "), person(sub="a", issuer="https://other"),
    ]  # fmt: skip
    assert len({account_of(one).pk for one in people}) == 4


TAKEN: dict[str, dict[str, Any]] = {
    "the same username": {"preferred_username": "root"},
    "the same in other letters": {"preferred_username": "ROOT"},
    "the same in wide letters": {"preferred_username": "ｒｏｏｔ"},
    "the same with invisible characters": {"preferred_username": "\u202eroot\u200b"},
    "the same address, not verified": {"email": "root@example.com", "email_verified": False},
    "the same address, verified": {"email": "root@example.com", "email_verified": True},
    "the same address as username": {"preferred_username": "root@example.com"},
    "the primary key as subject": {"sub": "1"},
    "everything": {
        "preferred_username": "root", "email": "root@example.com", "email_verified": True,
    },
}  # fmt: skip


@pytest.mark.parametrize("claims", TAKEN.values(), ids=TAKEN.keys())
def test_no_claim_leads_to_a_local_user(claims: dict[str, Any]) -> None:
    root = User.objects.create_superuser("root", "root@example.com", "x")
    user: Any = account_of(person(**claims))
    assert user.pk != root.pk
    assert (user.is_staff, user.is_superuser) == (False, False)
    root.refresh_from_db()
    assert (root.username, root.email, root.has_usable_password()) == (
        "root", "root@example.com", True,
    )  # fmt: skip


def test_several_users_with_one_name_get_numbers_and_keep_them() -> None:
    User.objects.create_user("ada")
    for sub in ("a", "b", "a", "b"):
        account_of(person(sub=sub, preferred_username="ada"))
    assert usernames() == {"ada", "ada-2", "ada-3"}


def test_a_name_in_other_letters_is_taken_too() -> None:
    """Failed sign-ins of both would count together, and people would take one for the other."""
    User.objects.create_user("Ada")
    assert account_of(person(preferred_username="ada")).get_username() == "ada-2"


def test_a_name_that_an_operator_changed_stays_until_the_provider_has_a_new_one() -> None:
    user: Any = account_of(person(preferred_username="ada"))
    User.objects.filter(pk=user.pk).update(username="ada.lovelace")
    assert account_of(person(preferred_username="ada")).get_username() == "ada.lovelace"
    assert account_of(person(preferred_username="countess")).get_username() == "countess"


def test_an_inactive_user_is_refused_and_stays_unchanged(configure: Callable[..., None]) -> None:
    configure(OIDC_STAFF="admins")
    user: Any = account_of(person(preferred_username="ada"))
    User.objects.filter(pk=user.pk).update(is_active=False)
    with pytest.raises(SignInFailed) as caught:
        account_of(person(preferred_username="eve", groups=["admins"]))
    assert caught.value.problem is INACTIVE
    found = User.objects.get()
    assert (found.username, found.is_active, found.is_staff) == ("ada", False, False)


def test_signing_in_cannot_undo_a_deactivation_at_the_same_moment(
    configure: Callable[..., None],
) -> None:
    configure(OIDC_STAFF="admins")
    user: Any = account_of(person(preferred_username="ada"))
    deactivated: list[int] = []

    def deactivate(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and not deactivated:
            deactivated.append(1)
            User.objects.filter(pk=user.pk).update(is_active=False)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(deactivate):
        account_of(person(preferred_username="ada", given_name="Ada", groups=["admins"]))
    found = User.objects.get()
    assert deactivated
    assert (found.first_name, found.is_active) == ("Ada", False)


def test_who_is_not_permitted_gets_no_account(configure: Callable[..., None]) -> None:
    configure(OIDC_REQUIRED="hd=example.com")
    with pytest.raises(SignInFailed) as caught:
        account_of(person(hd="evil.example"))
    assert caught.value.problem is NOT_PERMITTED
    assert (User.objects.count(), Identity.objects.count()) == (0, 0)


def test_rights_follow_the_claims_at_each_sign_in(
    configure: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    configure(OIDC_STAFF="admins", OIDC_SUPERUSERS="root", OIDC_GROUPS="ops=Operators,x=Missing")
    operators, other = (Group.objects.create(name=name) for name in ("Operators", "Other"))
    user: Any = account_of(person(groups=["ops", "root"]))
    user.groups.add(other)
    assert (user.is_staff, user.is_superuser) == (True, True)
    assert set(user.groups.all()) == {operators, other}
    user = account_of(person(groups=["admins"]))
    assert (user.is_staff, user.is_superuser) == (True, False)
    assert set(user.groups.all()) == {other}
    user = account_of(person())
    assert (user.is_staff, user.is_superuser) == (False, False)
    assert "groups that do not exist: ['Missing']" in caplog.text


def test_the_audit_log_has_rights_only_when_they_change(configure: Callable[..., None]) -> None:
    configure(OIDC_STAFF="admins", OIDC_GROUPS="ops=Operators")
    Group.objects.create(name="Operators")
    for groups in (["ops"], ["ops"], ["ops", "admins"], ["admins"], ["admins"]):
        account_of(person(preferred_username="ada", groups=groups))
    entries = AuditEntry.objects.filter(action="rights_changed").order_by("pk")
    assert [entry.detail for entry in entries] == [
        "created by single sign-on; now: is_active, group Operators",
        "changed by single sign-on; now: is_active, is_staff, group Operators",
        "changed by single sign-on; now: is_active, is_staff",
    ]


def test_rights_that_operators_gave_stay_if_no_claim_decides() -> None:
    user: Any = account_of(person())
    User.objects.filter(pk=user.pk).update(is_staff=True, email="kept@example.com")
    found: Any = account_of(person(groups=["x"], email="new@example.com"))
    assert (found.is_staff, found.email) == (True, "kept@example.com")


@pytest.mark.usefixtures("_static_files")
def test_operators_see_and_remove_the_link_in_the_admin_site(root: User, alice: User) -> None:
    user = account_of(person(sub="the-subject", preferred_username="ada"))
    page = f"/admin/auth/user/{user.pk}/change/"
    text = signed_in(root).get(page).content.decode()
    assert "the-subject" in text
    assert "filehub_identities-0-DELETE" in text
    assert "the-subject" not in staff(alice, "view_user").get(page).content.decode()


# link_identity


def link(*arguments: str) -> None:
    call_command("link_identity", *arguments)


def test_an_operator_links_a_subject_to_a_user_with_files(
    provider: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    ada = User.objects.create_user("ada")
    link("ada", "4711")
    assert account_of(person(issuer=provider.url, sub="4711")).pk == ada.pk
    # Later: somebody has signed in before the operator knew.
    second = account_of(person(issuer=provider.url, sub="4712", preferred_username="ada"))
    link("ada", "4712")
    assert f"as user {second.pk} before" in capsys.readouterr().out
    assert account_of(person(issuer=provider.url, sub="4712")).pk == ada.pk


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("nobody", "1"), "no user “nobody”"), (("ada", ""), "255"), (("ada", "\u202e"), "255")],
)
def test_a_link_that_makes_no_sense_is_refused(
    provider: FakeProvider, arguments: tuple[str, str], sentence: str
) -> None:
    User.objects.create_user("ada")
    with pytest.raises(CommandError, match=sentence):
        link(*arguments)


def test_without_single_sign_on_there_is_nothing_to_link() -> None:
    User.objects.create_user("ada")
    with pytest.raises(CommandError, match="FILEHUB_OIDC_ISSUER is not set"):
        link("ada", "4711")
