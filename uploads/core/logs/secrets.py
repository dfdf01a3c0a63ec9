"""A filter of last resort: remove from log lines what looks like a secret.

filehub does not log secrets. Libraries, and exceptions that quote what they were given, may. The
rules recognize secrets by their names (`password=…`, in URLs, headers, JSON and Python's repr) and
by their shape. They remove too much rather than too little.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

#: What replaces a secret.
HIDDEN = "[hidden]"
#: Shorter values of settings are not searched for: they would match parts of words.
MIN_LENGTH = 8

_NAMES = (
    "passw", "passphrase", "passcode", "pwd", "secret", "token", "cookie", "signature",
    "credential", "authorization", "api[_-]?key", "access[_-]?key", "private[_-]?key",
    "session[_-]?(?:id|key)", "csrf",
)  # fmt: skip
#: Names whose value is the rest of the line.
_HEADERS = "(?:set-)?cookie|(?:proxy-)?authorization"
#: "=" or ":" after a name, perhaps percent-encoded, and the quotes around them.
_SEPARATOR = r"""[\\"']{0,4}\s{0,2}(?:=>|=|:|%(?:25)*3[ad])\s{0,2}"""
#: In Python, a pair may also be a tuple: ("Authorization", "…").
_COMMA = r"""["']\s{0,2},\s{0,2}"""


@dataclass(frozen=True)
class _Rule:
    """A pattern and its replacement.

    Without one of the words, in lower case, it cannot match. Without words, it is always tried.
    """

    words: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str

    def may_match(self, text: str, lower: str) -> bool:
        if not self.words:
            return self.pattern.search(text) is not None
        return any(word in lower for word in self.words)


def _rule(words: str, pattern: str, replacement: str = HIDDEN) -> _Rule:
    return _Rule(tuple(words.split()), re.compile(pattern, re.IGNORECASE), replacement)


_RULES = (
    _rule("private", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:(?!-----END)[\s\S])*"),
    _rule(
        "cookie authorization",
        rf"(?<![\w])({_HEADERS})({_SEPARATOR}|{_COMMA})(?!\s|$)[^\r\n]*",
        rf"\1\2{HIDDEN}",
    ),
    _rule(
        "bearer basic negotiate",
        r"\b(bearer|basic|negotiate)\s{1,4}[\w.~+/=-]{6,}",
        rf"\1 {HIDDEN}",
    ),
    _rule(
        "pass pwd secret token cookie signature credential authorization key session csrf",
        rf"({'|'.join(_NAMES)})([\w-]{{0,40}})({_SEPARATOR}|{_COMMA})"
        # In quotes, up to the same ones, and otherwise up to what ends a value.
        r"""(?:\\{0,3}[bru]?(["'])(?:\\.|(?!\4)[^\\])*|[^\s"'&;,<>()\[\]{}\\]+)""",
        rf"\1\2\3{HIDDEN}",
    ),
    # User and password of a URL, which may itself be a parameter of one.
    _rule(
        ":// %3a%2f%2f",
        r"((?::|%3a)(?://|%2f%2f))[^/\s\"'<>@:]{0,300}(?::[^\s\"'<>@]{0,300})?(@|%40)",
        rf"\1{HIDDEN}\2",
    ),
    _rule("? &", r"([?&](?:code|state|key|sig|auth|ticket)=)[^&\s\"'<>]+", rf"\1{HIDDEN}"),
    # The URLs that Uppy requests contain upload tokens (uploads/web/api/companion.py).
    _rule("s3/multipart", r"(s3/multipart/)[^/\s?\"']+", rf"\1{HIDDEN}"),
    # The links that reset passwords (filehub/urls.py).
    _rule(
        "password/reset",
        r"(password/reset/[^/\s]+/)(?!set-password/)[^/\s?\"']+",
        rf"\1{HIDDEN}",
    ),
    _rule("filehub_", r"\bfilehub_[\w-]{20,}"),
    # What webhooks are signed with.
    _rule("whsec_", r"\bwhsec_[\w+/=-]{20,}"),
    # Django's signed values: the signature at the end.
    _rule("", r"(:[\w-]{6}:)[\w-]{43}(?![\w-])", rf"\1{HIDDEN}"),
    # JSON Web Tokens.
    _rule("eyj", r"\beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*"),
    # Session tokens of AWS.
    _rule("iqo fwo fqo", r"\b(?:IQoJ|FwoG|FQoG)[\w+/=%-]{30,}"),
)  # fmt: skip

#: Without one of these, only rules without words can match.
_WORDS = tuple({word for rule in _RULES for word in rule.words})
_SECRET_NAME = re.compile("|".join(_NAMES), re.IGNORECASE)


class Redactor:
    """Removes what looks like a secret, and known values wherever they appear."""

    def __init__(self, values: Collection[str] = ()) -> None:
        """`values` are secrets of the settings, such as the key that signs sessions."""
        forms = {form for value in values for form in _forms(value)}
        self._values = sorted(
            (form for form in forms if len(form) >= MIN_LENGTH), key=len, reverse=True
        )

        self._in_lines = {form for value in self._values for form in (value, _in_json(value))}

    def may_have_secrets(self, text: str) -> bool:
        """Return whether `text`, or what it is the JSON of, may contain what this would remove.

        Most lines do not, and this is much faster than trying to remove it.
        """
        lower = text.lower()
        for word in _WORDS:
            if word in lower:
                return True
        for value in self._in_lines:
            if value in text:
                return True
        return any(rule.pattern.search(text) for rule in _RULES if not rule.words)

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        for value in self._values:
            text = text.replace(value, HIDDEN)
        lower = text.lower()
        for rule in _RULES:
            if rule.may_match(text, lower):
                text = rule.pattern.sub(rule.replacement, text)
        return text

    def fields(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Return the fields of a line without secrets, whatever they are nested in."""
        return {self.text(name): self._value(name, value) for name, value in fields.items()}

    def _value(self, name: str, value: object) -> object:
        if _SECRET_NAME.search(name):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self.fields(value)
        if isinstance(value, list):
            return [self._value("", entry) for entry in value]
        return value


def _forms(value: str) -> set[str]:
    """The value as it is, in a URL, and in JSON or Python's repr."""
    in_url = {quote(value, safe=""), quote_plus(value)}
    return {value, repr(value)[1:-1], json.dumps(value)[1:-1], _in_json(value)} | in_url


def _in_json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]
