"""Reasons (pure): why a file was rejected or removed, why a message could not be processed, and
what the admin site's log says.

A reason is stored as a code and parameters, and becomes a sentence only when somebody reads it, in
their language (`uploads.core.texts`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from uploads.core.strict_json import parse_json

#: Characters of a parameter that is text. Reasons of any length do not fit where they are stored.
MAX_TEXT = 300

Parameters = Mapping[str, str | int]


@dataclass(frozen=True)
class Reason:
    """A stable code with its parameters: sizes in bytes, and text that is not translated.

    Earlier versions stored a sentence in English; then there is only `sentence`. False if empty.
    """

    code: str = ""
    parameters: Parameters = field(default_factory=dict)
    sentence: str = ""

    def __bool__(self) -> bool:
        return bool(self.code or self.sentence)


#: There is no reason, or none is known.
NO_REASON = Reason()


def dump(*reasons: Reason) -> str:
    """The stored form of one or more reasons with codes, as JSON in ASCII."""
    documents = [
        {"code": reason.code, "parameters": {k: _short(v) for k, v in reason.parameters.items()}}
        for reason in reasons
    ]
    return json.dumps(documents[0] if len(documents) == 1 else documents, separators=(",", ":"))


def _short(value: str | int) -> str | int:
    if isinstance(value, int) or len(value) <= MAX_TEXT:
        return value
    return value[:MAX_TEXT] + "…"


def load(text: str) -> tuple[Reason, ...]:
    """The reasons in a stored form, or a sentence of an earlier version. Never raises.

    Empty if the stored form is incomplete, because it did not fit.
    """
    if not text:
        return ()
    if not text.startswith(('{"code":', '[{"code":')):
        return (Reason(sentence=text),)
    try:
        document = parse_json(text)
    except ValueError:
        return ()
    documents = document if isinstance(document, list) else [document]
    return tuple(reason for entry in documents if (reason := _reason(entry)))


def _reason(document: object) -> Reason:
    if not isinstance(document, dict) or not isinstance(document.get("code"), str):
        return NO_REASON
    parameters = document.get("parameters")
    known = parameters.items() if isinstance(parameters, dict) else ()
    return Reason(
        document["code"], {name: value for name, value in known if isinstance(value, str | int)}
    )
