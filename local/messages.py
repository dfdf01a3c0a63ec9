"""`make messages`: gathers what is to be translated, writes the catalogues, compiles them.

Babel does all of it, so that GNU gettext need not be installed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation import to_locale
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"

KEYWORDS = {**DEFAULT_KEYWORDS, "gettext_lazy": None, "ngettext_lazy": (1, 2)}


class PlainCatalog(Catalog):
    """A catalogue whose header says nothing that changes without a translation changing."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", str(self.locale_identifier)),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit\n"),
        ]


def extract_template(
    source: BinaryIO, keywords: Any, comment_tags: Any, options: Any
) -> Iterable[Any]:
    """Babel's interface to Django templates: what Django makes of one for gettext is Python."""
    text = templatize(source.read().decode())
    # All but the indentation, which would have to be Python's.
    unindented = re.sub(r"^[ \t]+", "", text, flags=re.M)
    return extract_python(BytesIO(unindented.encode()), keywords, comment_tags, options)


#: Where the messages of a domain are, and what finds them there.
SOURCES: dict[str, list[tuple[str, Any]]] = {
    "django": [
        ("filehub/**/*.py", "python"),
        ("templates/**/*.html", extract_template),
        ("uploads/**/*.py", "python"),
    ],
    "djangojs": [("static/**/*.js", "javascript")],
}


def path_of(language: str, domain: str) -> Path:
    """Where a catalogue is kept."""
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.po"


def languages() -> list[str]:
    """Those that need a catalogue: all but the one that the sources are written in."""
    return [to_locale(code) for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def gather(language: str, domain: str) -> Catalog:
    """A catalogue of everything in the sources, with nothing translated."""
    catalog = PlainCatalog(
        locale=language,
        domain=domain,
        charset="utf-8",
        fuzzy=False,
        header_comment=f"# filehub: {language}, {domain}",
    )
    for pattern, method in SOURCES[domain]:
        for path in sorted(ROOT.glob(pattern)):
            with path.open("rb") as source:
                for _, message, comments, context in extract(
                    method, source, KEYWORDS, ["Translators:"], {"encoding": "utf-8"}
                ):
                    catalog.add(
                        message,
                        locations=[(path.relative_to(ROOT).as_posix(), 0)],
                        auto_comments=comments,
                        context=context,
                    )
    return catalog


def update(language: str, domain: str) -> list[Message]:
    """Write and compile a catalogue with the translations that there are; return what is open.

    What is not in the sources any more goes: the version control remembers it.
    """
    path = path_of(language, domain)
    catalog = gather(language, domain)
    if path.exists():
        with path.open("rb") as file:
            known = read_po(file, locale=language, domain=domain, charset="utf-8")
        for message in entries(catalog):
            translated = known.get(message.id, message.context)
            # Found by the singular alone: the plural must be the same too.
            if translated and translated.id == message.id:
                message.string = translated.string
                message.user_comments = translated.user_comments
                message.flags |= translated.flags
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=0, include_lineno=False)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalog)
    return [message for message in entries(catalog) if is_open(message)]


def entries(catalog: Catalog) -> list[Message]:
    """The messages of a catalogue without its header."""
    return [message for message in catalog if message.id]


def is_open(message: Message) -> bool:
    """Whether somebody still has to translate a message."""
    forms = message.string if isinstance(message.string, tuple | list) else [message.string]
    return message.fuzzy or not all(forms)


def main() -> int:
    for language in languages():
        for domain in SOURCES:
            path = path_of(language, domain).relative_to(ROOT)
            left = len(update(language, domain))
            print(f"{path}: {f'{left} to translate' if left else 'complete'}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
