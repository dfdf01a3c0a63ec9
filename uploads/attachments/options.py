"""The options that each kind of field has, whatever it is a field of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from uploads.attachments import checking
from uploads.core.fields import FieldRules
from uploads.core.setting_values import split_commas
from uploads.transfers import field_tokens

#: Media types and ranges: several, or a comma-separated text.
Types = str | Sequence[str]
#: How long a file is waited for whose event is late, in seconds.
WAIT = 5.0


def normalized(types: Types) -> tuple[str, ...]:
    """Types as a tuple, in lower case."""
    return tuple(each.lower() for each in split_commas(types))


@dataclass(frozen=True)
class Options:
    """A field's key, its limits, and how it treats late files (`uploads.attachments.checking`)."""

    key: str
    types: Types = ()
    max_size: int | None = None
    wait: float = WAIT
    allow_pending: bool = False

    @property
    def rules(self) -> FieldRules:
        """What is signed. Raises ValueError if it cannot be."""
        return FieldRules(self.key, normalized(self.types), self.max_size)

    def accepts(self, user: Any) -> checking.Field:
        """What the field accepts of this user."""
        owner = checking.owner_of_user(user)
        return checking.Field(self.rules, owner, wait=self.wait, allow_pending=self.allow_pending)

    def token_for(self, user: Any) -> str:
        """The token with which this user's client uploads for the field; "" if nobody is signed in.

        It is valid for a day.
        """
        accepts = self.accepts(user)
        return "" if accepts.owner is None else field_tokens.sign(accepts.rules, accepts.owner)
