"""`make messages`: extract translatable messages, then write and compile the catalogs.

Uses Babel for everything, so that GNU gettext is not needed.
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
    """A catalog whose header changes only if a translation changes."""

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
    """Extract messages from Django templates: Django converts them to Python for gettext."""
    text = templatize(source.read().decode())
    # The indentation would not be valid Python.
    unindented = re.sub(r"^[ \t]+", "", text, flags=re.M)
    return extract_python(BytesIO(unindented.encode()), keywords, comment_tags, options)


#: The source files of each domain, with their extraction method.
SOURCES: dict[str, list[tuple[str, Any]]] = {
    "django": [
        ("filehub/**/*.py", "python"),
        ("templates/**/*.html", extract_template),
        ("uploads/**/*.py", "python"),
    ],
    "djangojs": [("static/**/*.js", "javascript")],
}


def path_of(language: str, domain: str) -> Path:
    """The path of a catalog."""
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.po"


def languages() -> list[str]:
    """The languages that need a catalog: all except that of the source code."""
    return [to_locale(code) for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def extract_catalog(language: str, domain: str) -> Catalog:
    """A catalog of all messages in the source code, without translations."""
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
    """Write and compile a catalog with the existing translations. Returns untranslated messages.

    Messages that are no longer in the source code are removed; Git still has them.
    """
    path = path_of(language, domain)
    catalog = extract_catalog(language, domain)
    if path.exists():
        with path.open("rb") as file:
            existing = read_po(file, locale=language, domain=domain, charset="utf-8")
        for message in entries(catalog):
            translated = existing.get(message.id, message.context)
            # `get` compares the singular only, but the plural must be the same too.
            if translated and translated.id == message.id:
                message.string = translated.string
                message.user_comments = translated.user_comments
                message.flags |= translated.flags
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=0, include_lineno=False)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalog)
    return [message for message in entries(catalog) if is_untranslated(message)]


def entries(catalog: Catalog) -> list[Message]:
    """The messages of a catalog without its header."""
    return [message for message in catalog if message.id]


def is_untranslated(message: Message) -> bool:
    """Whether a message has no complete translation."""
    forms = message.string if isinstance(message.string, tuple | list) else [message.string]
    return message.fuzzy or not all(forms)


def main() -> int:
    for language in languages():
        for domain in SOURCES:
            path = path_of(language, domain).relative_to(ROOT)
            count = len(update(language, domain))
            print(f"{path}: {f'{count} untranslated' if count else 'complete'}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
