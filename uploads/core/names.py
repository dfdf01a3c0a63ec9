"""Names of files (pure): which are accepted, and how they are searched, displayed and saved.

A name is text, never a path. It is stored as the client sent it; each other form of it is computed
here. static/uploads/page/text/names.js has the same functions for scripts, and
tests/shared/names.json the cases that both must agree on.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from uploads.core.errors import InvalidRequest

#: Bytes in UTF-8: the limit of common file systems. Percent-encoded, a name takes at most 765 of
#: the 2 KB that S3 allows for metadata; case folded, it fits in DynamoDB's 1,024-byte sort key.
MAX_NAME_BYTES = 255

#: Characters that break a line or a terminal, or that change the order in which other characters
#: are displayed, so that “Rechnung_exe.docx” may be a program: control characters, line separators,
#: bidirectional and other formatting controls, lone surrogates. Joiners are not among them, because
#: emoji and several scripts need them.
#: https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
_DECEPTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff]"
)

#: Categories whose characters show nothing: controls, formatting, surrogates, spaces, separators.
_BLANK_CATEGORIES = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}
#: Characters of other categories that show nothing: fillers, variation selectors, tags, blanks.
#: https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
#: (Default_Ignorable_Code_Point), and those whose glyph is empty.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\ufffc\U00013441\U00013442\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)

#: What the plain form of a name in a header keeps. Browsers decode %-sequences and RFC 2047's
#: =?…?= in it; quotes, backslashes and semicolons confuse simple parsers.
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 !#$&'()+,.=@\[\]^_`{}~-]")

#: Names with more characters are split where they would otherwise be cut off.
_LONG = 24
#: A character that never belongs to the one before it: no combining mark, no part of an emoji or of
#: a syllable, no letter that changes its shape beside another (Arabic, the scripts of India).
_SAFE = (
    "[!-~\u00c0-\u02af\u0370-\u0482\u048a-\u052f\u1e00-\u1fff"
    "\u3041-\u3096\u309b-\u30ff\u3400-\u9fff\uac00-\ud7a3]"
)
#: The last part of a name: preferably whole words, otherwise at most 14 characters.
_TAILS = (
    re.compile(rf"(?<=[ _./-])(?:\w|{_SAFE}).{{9,19}}\Z", re.DOTALL),
    re.compile(rf"{_SAFE}.{{0,13}}\Z", re.DOTALL),
)


#: Accents of Latin, Greek and Cyrillic letters (the block Combining Diacritical Marks).
_ACCENTS = re.compile("[\u0300-\u036f]")
#: Letters with a stroke, which Unicode does not decompose, in lower case.
_STROKES = str.maketrans("øłđ", "old")


@dataclass(frozen=True)
class SplitText:
    """Text in two parts: where space is short, only the end of the head is left out."""

    head: str
    tail: str


@dataclass(frozen=True)
class NameParts:
    """A name as rows display it: the folders with their last slash, and the file in them."""

    folder: SplitText
    file: SplitText


def check_name(name: str) -> str:
    """Return the name unchanged, or raise InvalidRequest.

    Slashes, dots and quotes are ordinary characters, and so are spaces around a name.
    """
    if not name.strip():
        raise InvalidRequest("Missing file_name", code="missing_file_name")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidRequest("The file name is not valid Unicode.", code="invalid_name") from None
    if size > MAX_NAME_BYTES:
        raise InvalidRequest(
            f"The file name is {size} bytes long; at most {MAX_NAME_BYTES} are allowed.",
            code="name_too_long",
            parameters={"size": size, "limit": MAX_NAME_BYTES},
        )
    if any(unicodedata.category(char) == "Cc" for char in name):
        raise InvalidRequest("The file name contains a control character.", code="invalid_name")
    if is_blank(name):
        raise InvalidRequest(
            "The file name consists of invisible characters only.", code="invalid_name"
        )
    return name


def is_blank(name: str) -> bool:
    """Whether a name shows nothing: it has only spaces and invisible characters."""
    return all(
        unicodedata.category(char) in _BLANK_CATEGORIES or _BLANK.match(char) for char in name
    )


def display_name(text: str) -> str:
    """A name, or text that contains one, for display: deceptive characters become U+FFFD."""
    return _DECEPTIVE.sub("\N{REPLACEMENT CHARACTER}", text)


def name_parts(name: str) -> NameParts:
    """Split a name for display, so that names that differ at the end can be told apart."""
    shown = display_name(name)
    end = shown.rfind("/") + 1
    # A name that ends with a slash has no file; it is displayed as one.
    if end == len(shown):
        end = 0
    return NameParts(folder=_split(shown[:end]), file=_split(shown[end:]))


def _split(text: str) -> SplitText:
    if len(text) > _LONG:
        for pattern in _TAILS:
            if match := pattern.search(text):
                return SplitText(text[: match.start()], match[0])
    return SplitText(text, "")


def search_key(name: str) -> str:
    """The form of a name for search: NFC, case folded, without accents.

    It applies to names and to search terms alike. Spaces are part of both. Marks of scripts in
    which they are more than accents stay: “か” is not “が”.
    """
    folded = unicodedata.normalize("NFC", name).casefold()
    plain = _ACCENTS.sub("", unicodedata.normalize("NFD", folded)).translate(_STROKES)
    return unicodedata.normalize("NFC", plain)


def matches_search(name: str, term: str) -> bool:
    """Whether a name contains a search term, ignoring case and accents."""
    return search_key(term) in search_key(name)


def sort_key(name: str) -> str:
    """The form of a name by which lists are sorted. Never empty, as DynamoDB requires of a key."""
    return search_key(name) or unicodedata.normalize("NFC", name) or " "


def content_disposition(name: str, *, inline: bool = False) -> str:
    """The header that makes browsers save a file under its name (RFC 6266, RFC 8187).

    Browsers use `filename*`, which states the name exactly. `filename` is for clients that know no
    better; alone it would be decoded once more: `a%20b.txt` would become `a b.txt`. Deceptive
    characters become “_” in both, as browsers do it, because a file manager would be deceived too.
    """
    safe = _DECEPTIVE.sub("_", name)
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", safe) if unicodedata.category(char) != "Mn"
    )
    disposition = "inline" if inline else "attachment"
    return (
        f'{disposition}; filename="{_NOT_PLAIN.sub("_", plain)}"; '
        f"filename*=UTF-8''{quote(safe, safe='')}"
    )
