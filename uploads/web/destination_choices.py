"""The destinations that the page offers, with what is special about each as a sentence."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext, ngettext

from uploads.accounts.destinations import Choice
from uploads.core import media_types
from uploads.core.conf import rules
from uploads.core.destinations import Destination
from uploads.core.names import display_name
from uploads.core.texts import file_size


def of(user: User) -> list[dict[str, Any]]:
    """The destinations from which a user may choose, for the page's scripts."""
    return [_choice(each) for each in Choice(user).available()]


def _choice(destination: Destination) -> dict[str, Any]:
    limits = rules().at(destination.name)
    return {
        "name": destination.name,
        "label": destination.title,
        "max_size": limits.max_size,
        "allowed_types": limits.allowed_types,
        "accepted_types": media_types.with_aliases(limits.allowed_types),
        "folder": destination.folder,
        "hint": " ".join(_hints(destination)),
    }


def _hints(destination: Destination) -> list[str]:
    """What differs from other uploads."""
    hints = []
    if destination.max_size is not None:
        hints.append(gettext("Up to %(size)s each.") % {"size": file_size(destination.max_size)})
    if destination.types is not None:
        hints.append(gettext("Only %(types)s.") % {"types": ", ".join(destination.types)})
    if destination.folder:
        folder = display_name(destination.folder)
        hints.append(gettext("In the folder %(folder)s.") % {"folder": folder})
    if destination.keep_days is not None:
        sentence = ngettext(
            "Deleted after %(days)s day.", "Deleted after %(days)s days.", destination.keep_days
        )
        hints.append(sentence % {"days": destination.keep_days})
    return hints
