"""What the claims about a user mean here (pure): name, e-mail address and rights.

Claims are text from outside. None of them identifies the user: issuer and subject do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from uploads.core.sign_in_conf import SignInConf

#: Characters.
MAX_USERNAME = 140
MAX_NAME = 150
MAX_EMAIL = 254
#: As Django's forms accept usernames.
_NOT_USERNAME = re.compile(r"[^\w.@+-]+")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")


@dataclass(frozen=True)
class Profile:
    """A user as the provider describes them. Rights are None if the provider does not decide."""

    username: str
    first_name: str
    last_name: str
    #: Empty unless the provider has verified it.
    email: str
    is_staff: bool | None
    is_superuser: bool | None
    #: Django's groups that the user is to be in, and those that the user must not be in.
    groups: frozenset[str]
    other_groups: frozenset[str]


def is_permitted(claims: Mapping[str, Any], settings: SignInConf) -> bool:
    """Return whether a user with these claims may sign in."""
    if not settings.oidc_required:
        return True
    pairs = (pair.partition("=") for pair in settings.oidc_required)
    return any(value.strip() in values(claims, name.strip()) for name, _, value in pairs)


def profile(claims: Mapping[str, Any], settings: SignInConf) -> Profile:
    """Read a user's claims."""
    owned = values(claims, settings.oidc_groups_claim)
    superuser = _decided(settings.oidc_superusers, owned)
    staff = _decided(settings.oidc_staff, owned)
    pairs = [pair.rpartition("=") for pair in settings.oidc_groups]
    groups = frozenset(group.strip() for value, _, group in pairs if value.strip() in owned)
    return Profile(
        username=_username(claims, settings.oidc_username_claim),
        first_name=clean(claims.get("given_name"), MAX_NAME),
        last_name=clean(claims.get("family_name"), MAX_NAME),
        email=_email(claims),
        is_staff=True if superuser else staff,
        is_superuser=superuser,
        groups=groups,
        other_groups=frozenset(group.strip() for _, _, group in pairs) - groups,
    )


def lookup(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name, or by the dotted path to it; None without one.

    A name that is a URL has dots too, so names come first.
    """
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def values(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """Return the texts in a claim, which is a list or one text."""
    value = lookup(claims, name)
    items = value if isinstance(value, list) else [value]
    return frozenset(item for item in items if isinstance(item, str))


def clean(value: object, length: int) -> str:
    """Return text without characters that show nothing or change the order of others."""
    text = unicodedata.normalize("NFC", value) if isinstance(value, str) else ""
    text = "".join(char if char.isprintable() else " " for char in text[: 4 * length])
    return " ".join(text.split())[:length].rstrip()


def _decided(granting: Iterable[str], owned: frozenset[str]) -> bool | None:
    granting = frozenset(granting)
    return bool(granting & owned) if granting else None


def _username(claims: Mapping[str, Any], claim: str) -> str:
    """Return a name from the claim, or else from the e-mail address or the full name."""
    for name in (claim, "email", "name"):
        value = lookup(claims, name)
        text = clean(value, 4 * MAX_USERNAME) if isinstance(value, str) else ""
        # Before the other characters are replaced: the form NFKC has others.
        text = unicodedata.normalize("NFKC", text)
        text = _NOT_USERNAME.sub("-", text)[:MAX_USERNAME].strip("-")
        if text:
            return text
    return "user"


def _email(claims: Mapping[str, Any]) -> str:
    """Return the e-mail address if the provider has verified it. Some send `"true"` as text."""
    if claims.get("email_verified") not in (True, "true"):
        return ""
    email = clean(claims.get("email"), MAX_EMAIL + 1)
    return email if _EMAIL.fullmatch(email) and len(email) <= MAX_EMAIL else ""
