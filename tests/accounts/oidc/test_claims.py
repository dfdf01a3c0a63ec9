"""What claims mean: names, e-mail addresses and rights."""

from __future__ import annotations

from typing import Any

import pytest

from uploads.accounts.oidc.claims import clean, is_permitted, profile
from uploads.core.sign_in_conf import SignInConf

BIDI = "\u202e"


def settings(**values: Any) -> SignInConf:
    return SignInConf(**values)


USERNAMES: dict[str, tuple[dict[str, Any], str]] = {
    "an ordinary one": ({"preferred_username": "ada"}, "ada"),
    "an address": ({"preferred_username": "Ada.Lovelace@example.com"}, "Ada.Lovelace@example.com"),
    "umlauts": ({"preferred_username": "jürgen.groß"}, "jürgen.groß"),
    "another form of the same characters": ({"preferred_username": "ju\u0308rgen"}, "jürgen"),
    "wide letters": ({"preferred_username": "ａｄａ"}, "ada"),
    "spaces": ({"preferred_username": "  Ada  Lovelace "}, "Ada-Lovelace"),
    "slashes and quotes": ({"preferred_username": "CORP\\ada'; DROP--"}, "CORP-ada-DROP"),
    "characters that change the order": ({"preferred_username": f"ada{BIDI}nimda"}, "ada-nimda"),
    "control characters": ({"preferred_username": "ada\0\r\nX-Admin: 1"}, "ada-X-Admin-1"),
    "half a surrogate pair": ({"preferred_username": "ada\ud83d"}, "ada"),
    "markup": ({"preferred_username": "<script>alert(1)</script>"}, "script-alert-1-script"),
    "too long": ({"preferred_username": "x" * 5000}, "x" * 140),
    "only invisible characters, and an e-mail address": (
        {"preferred_username": BIDI * 3, "email": "ada@example.com"}, "ada@example.com",
    ),
    "only a name": ({"name": "Ada Lovelace"}, "Ada-Lovelace"),
    "a number": ({"preferred_username": 5}, "user"),
    "a list": ({"preferred_username": ["root"]}, "user"),
    "nothing": ({}, "user"),
}  # fmt: skip


@pytest.mark.parametrize(("claims", "expected"), USERNAMES.values(), ids=USERNAMES.keys())
def test_a_username_has_only_what_django_accepts(claims: dict[str, Any], expected: str) -> None:
    assert profile(claims, settings()).username == expected


def test_the_username_may_come_from_another_claim() -> None:
    claims = {"preferred_username": "x", "https://example.com/name": "y", "ids": {"login": "z"}}
    for claim, expected in (("https://example.com/name", "y"), ("ids.login", "z")):
        assert profile(claims, settings(oidc_username_claim=claim)).username == expected


EMAILS: dict[str, tuple[Any, Any, str]] = {
    "verified": ("ada@example.com", True, "ada@example.com"),
    "verified, as text": ("ada@example.com", "true", "ada@example.com"),
    "not verified": ("root@example.com", False, ""),
    "not verified, as text": ("root@example.com", "false", ""),
    "unknown": ("root@example.com", ..., ""),
    "verified by a number": ("root@example.com", 1.5, ""),
    "no address": ("root", True, ""),
    "two addresses": ("a@example.com, b@example.com", True, ""),
    "a header": ("a@example.com\r\nBcc: b@example.com", True, ""),
    "an object": ({"x": "a@example.com"}, True, ""),
    "too long": ("a" * 250 + "@example.com", True, ""),
}


@pytest.mark.parametrize(("email", "verified", "expected"), EMAILS.values(), ids=EMAILS.keys())
def test_only_a_verified_address_is_kept(email: Any, verified: Any, expected: str) -> None:
    claims = {"email": email} | ({} if verified is ... else {"email_verified": verified})
    assert profile(claims, settings()).email == expected


NAMES = {
    "ordinary": ("Ada", "Ada"),
    "with bidirectional controls": (f"A{BIDI}da\u2066", "A da"),
    "with line breaks": ("Ada\r\nLovelace", "Ada Lovelace"),
    "too long": ("x" * 100_000, "x" * 150),
    "not text": (["Ada"], ""),
    "surrogates": ("\ud800Ada", "Ada"),
}


@pytest.mark.parametrize(("name", "expected"), NAMES.values(), ids=NAMES.keys())
def test_names_are_short_and_show_what_they_are(name: Any, expected: str) -> None:
    assert profile({"given_name": name}, settings()).first_name == expected
    assert clean(name, 150) == expected


STAFF: dict[str, tuple[Any, bool]] = {
    "the value": ({"groups": ["users", "admins"]}, True),
    "the value as the only text": ({"groups": "admins"}, True),
    "another value": ({"groups": ["users"]}, False),
    "a part of the value": ({"groups": ["admins-of-something"]}, False),
    "the value in a longer text": ({"groups": "users admins"}, False),
    "other letters": ({"groups": ["Admins"]}, False),
    "no claim": ({}, False),
    "null": ({"groups": None}, False),
    "true": ({"groups": True}, False),
    "an object with the value": ({"groups": {"admins": True}}, False),
    "a list in the list": ({"groups": [["admins"]]}, False),
    "too many groups, which Entra leaves out": ({"_claim_names": {"groups": "src1"}}, False),
}


@pytest.mark.parametrize(("claims", "expected"), STAFF.values(), ids=STAFF.keys())
def test_a_value_of_the_claim_makes_staff_and_its_absence_takes_it(
    claims: dict[str, Any], expected: bool
) -> None:
    assert profile(claims, settings(oidc_staff="admins,operators")).is_staff is expected


def test_without_a_setting_rights_are_left_as_they_are() -> None:
    found = profile({"groups": ["admins"]}, settings())
    assert (found.is_staff, found.is_superuser, found.groups) == (None, None, frozenset())


def test_superusers_are_staff() -> None:
    rules = settings(oidc_superusers="root", oidc_staff="admins", oidc_groups_claim="roles.files")
    root = profile({"roles": {"files": ["root"]}}, rules)
    nobody = profile({"roles": {"files": []}}, rules)
    assert (root.is_superuser, root.is_staff) == (True, True)
    assert (nobody.is_superuser, nobody.is_staff) == (False, False)


def test_groups_follow_the_claim_and_others_are_left_alone() -> None:
    rules = settings(oidc_groups="/ops=Operators, cn=x=Readers ,/none=Nobody")
    found = profile({"groups": ["/ops", "cn=x", "/other"]}, rules)
    assert found.groups == {"Operators", "Readers"}
    assert found.other_groups == {"Nobody"}


PERMITTED: dict[str, tuple[str, dict[str, Any], bool]] = {
    "no condition": ("", {}, True),
    "the domain": ("hd=example.com", {"hd": "example.com"}, True),
    "another domain": ("hd=example.com", {"hd": "example.com.evil.example"}, False),
    "no domain": ("hd=example.com", {}, False),
    "an address in the domain": ("hd=example.com", {"email": "a@example.com"}, False),
    "one of a list": ("groups=files", {"groups": ["x", "files"]}, True),
    "one of two conditions": ("hd=example.com,groups=files", {"groups": ["files"]}, True),
    "none of two": ("hd=example.com,groups=files", {"hd": "x", "groups": ["y"]}, False),
    "nested": ("realm_access.roles=files", {"realm_access": {"roles": ["files"]}}, True),
    "spaces around": (" hd = example.com ", {"hd": "example.com"}, True),
    "a value with =": ("dn=cn=files", {"dn": "cn=files"}, True),
}


@pytest.mark.parametrize(
    ("required", "claims", "expected"), PERMITTED.values(), ids=PERMITTED.keys()
)
def test_a_required_claim_decides_who_may_sign_in(
    required: str, claims: dict[str, Any], expected: bool
) -> None:
    assert is_permitted(claims, settings(oidc_required=required)) is expected
