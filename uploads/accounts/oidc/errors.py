"""Why a sign-in at the provider failed: a code, a status, and a sentence for the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Problem:
    """What the user is told. `text` is translated when it is shown."""

    code: str
    status: int
    text: Any


UNAVAILABLE = Problem(
    "sso_unavailable",
    503,
    _("The sign-in service does not respond at the moment. Try again in a few minutes."),
)
SETUP = Problem(
    "sso_setup",
    503,
    _("Single sign-on is not set up correctly. Tell your administrator."),
)
EXPIRED = Problem(
    "sso_expired",
    400,
    _("This sign-in has expired, or it was started in another browser. Sign in again."),
)
REFUSED = Problem(
    "sso_refused",
    403,
    _("The sign-in service did not let you sign in, or you cancelled it."),
)
INVALID_TOKEN = Problem(
    "sso_invalid_token",
    502,
    _("The response of the sign-in service cannot be trusted. Tell your administrator."),
)
CLOCK = Problem(
    "sso_clock",
    502,
    _("The clocks of filehub and of the sign-in service differ too much. Tell your administrator."),
)
NOT_PERMITTED = Problem(
    "sso_not_permitted",
    403,
    _("Your account is not permitted to use this site. Ask your administrator for access."),
)
INACTIVE = Problem(
    "sso_inactive",
    403,
    _("Your account on this site has been deactivated."),
)
LOCAL_OFF = Problem(
    "local_accounts_off",
    403,
    _("Signing in with a username and password is switched off. Use single sign-on."),
)

_ALL = (
    UNAVAILABLE, SETUP, EXPIRED, REFUSED, INVALID_TOKEN, CLOCK, NOT_PERMITTED, INACTIVE, LOCAL_OFF,
)  # fmt: skip


def problem_of(code: str) -> Problem | None:
    """Return the problem with this code; None if there is no such code."""
    return next((problem for problem in _ALL if problem.code == code), None)


class SignInFailed(Exception):
    """A sign-in failed. `detail` is for the log and contains no secret."""

    def __init__(self, problem: Problem, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem
        self.detail = detail
