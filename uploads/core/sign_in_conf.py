"""The settings of sign-in: single sign-on with an OpenID Connect provider, and local accounts.

They are part of `uploads.core.conf.Conf`, and have a module of their own for their length.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator

from uploads.core.setting_values import CommaSeparated, OptionalText, is_local, is_url

#: Django's setting EMAIL_BACKEND of a project without a mail server: it sends nothing.
NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"


def _check_issuer(value: str | None) -> str | None:
    if value is None:
        return None
    host = urlsplit(value).hostname or "" if is_url(value, path=True) else None
    if host is None or not (value.startswith("https://") or is_local(host)):
        raise ValueError("it is not the https:// URL of a provider, without a query")
    return value


def _check_scopes(value: str) -> str:
    if "openid" not in value.split():
        raise ValueError("it must contain the scope openid")
    return " ".join(value.split())


def _check_pairs(value: tuple[str, ...]) -> tuple[str, ...]:
    for pair in value:
        left, equals, right = pair.rpartition("=")
        if not (left.strip() and equals and right.strip()):
            raise ValueError(f"{pair!r} is not of the form left=right")
    return value


Issuer = Annotated[OptionalText, AfterValidator(_check_issuer)]
Pairs = Annotated[CommaSeparated, AfterValidator(_check_pairs)]
Claim = Annotated[str, Field(min_length=1, max_length=200)]


class SignInConf(BaseModel):
    """Who may sign in, and how."""

    oidc_issuer: Issuer = Field(
        None,
        max_length=250,
        description=(
            "Issuer of the OpenID Connect provider for [single sign-on](sign-in.md), an `https://` "
            "URL exactly as the provider names itself. Unset: no single sign-on."
        ),
    )
    oidc_client_id: OptionalText = Field(
        None, description="The id under which the provider knows filehub."
    )
    oidc_client_secret: OptionalText = Field(
        None, repr=False, description="The secret that the provider has issued for that id."
    )
    oidc_scopes: Annotated[str, AfterValidator(_check_scopes)] = Field(
        "openid profile email", description="What filehub asks the provider for."
    )
    oidc_button: OptionalText = Field(
        None,
        max_length=60,
        description=(
            "Text of the button on the sign-in page, such as `Sign in with Example`. "
            "Unset: `Single sign-on`, translated."
        ),
    )
    oidc_username_claim: Claim = Field(
        "preferred_username",
        description="Claim that becomes the username. Dots lead into nested claims.",
    )
    oidc_groups_claim: Claim = Field(
        "groups",
        description=(
            "Claim with the user's groups or roles: a list or one text. "
            "Dots lead into nested claims: `realm_access.roles`."
        ),
    )
    oidc_required: Pairs = Field(
        (),
        description=(
            "Only users with one of these claims may sign in: `claim=value`, comma-separated, such "
            "as `hd=example.com` or `groups=files`. Unset: everybody whom the provider lets in."
        ),
    )
    oidc_staff: CommaSeparated = Field(
        (),
        description=(
            "Values of the claim of groups that make a user staff, comma-separated. Everybody else "
            "loses this status at the next sign-in. Unset: filehub's own setting of each user."
        ),
    )
    oidc_superusers: CommaSeparated = Field(
        (), description="The same for superusers, who are staff too."
    )
    oidc_groups: Pairs = Field(
        (),
        description=(
            "Membership of Django's groups by the claim of groups: `value=group`, comma-separated. "
            "Other groups are left as they are."
        ),
    )
    oidc_session_hours: int = Field(
        24,
        ge=1,
        le=14 * 24,
        description=(
            "Hours after which a user who signed in at the provider has to do so again. Uploads "
            "wait meanwhile."
        ),
    )
    local_accounts: Literal["on", "off"] = Field(
        "on",
        description=(
            "`off`: nobody signs in with a username and a password of filehub. "
            "API tokens keep working."
        ),
    )

    @field_validator("oidc_scopes", "oidc_session_hours", "local_accounts", mode="before")
    @classmethod
    def _empty_text_is_unset(cls, value: Any, info: ValidationInfo) -> Any:
        return cls.model_fields[str(info.field_name)].default if value == "" else value

    @field_validator("oidc_client_id")
    @classmethod
    def _client_id_is_complete(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("oidc_issuer"):
            raise ValueError("it is not set, but FILEHUB_OIDC_ISSUER is")
        return value

    @field_validator("local_accounts")
    @classmethod
    def _somebody_can_sign_in(cls, value: str, info: ValidationInfo) -> str:
        if value == "off" and not info.data.get("oidc_issuer"):
            raise ValueError("without FILEHUB_OIDC_ISSUER, nobody could sign in")
        return value

    @property
    def has_single_sign_on(self) -> bool:
        return self.oidc_issuer is not None

    @property
    def has_local_accounts(self) -> bool:
        return self.local_accounts == "on"
