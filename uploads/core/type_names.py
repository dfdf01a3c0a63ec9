"""The types of files in plain words: `PDF`, `Image`, `Word document`."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from uploads.core import media_types
from uploads.core.type_lists import Kind

_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."

_WORD = gettext_lazy("Word document")
_EXCEL = gettext_lazy("Excel spreadsheet")
_POWERPOINT = gettext_lazy("PowerPoint presentation")
_WEB_PAGE = gettext_lazy("Web page")
_EMAIL = gettext_lazy("Email")

#: Types that people know by a name of their own, in the usual spelling.
_NAMES: dict[str, str | Promise] = {
    "application/msword": _WORD,
    f"{_OOXML}wordprocessingml.document": _WORD,
    "application/vnd.ms-word.document.macroenabled.12": _WORD,
    "application/vnd.ms-excel": _EXCEL,
    f"{_OOXML}spreadsheetml.sheet": _EXCEL,
    "application/vnd.ms-excel.sheet.macroenabled.12": _EXCEL,
    "application/vnd.ms-powerpoint": _POWERPOINT,
    f"{_OOXML}presentationml.presentation": _POWERPOINT,
    f"{_OOXML}presentationml.slideshow": _POWERPOINT,
    f"{_ODF}text": gettext_lazy("Text document"),
    f"{_ODF}spreadsheet": gettext_lazy("Spreadsheet"),
    "application/vnd.apple.numbers": gettext_lazy("Spreadsheet"),
    f"{_ODF}presentation": gettext_lazy("Presentation"),
    "application/vnd.apple.keynote": gettext_lazy("Presentation"),
    "application/epub+zip": gettext_lazy("E-book"),
    "application/x-mobipocket-ebook": gettext_lazy("E-book"),
    "application/zip": gettext_lazy("ZIP archive"),
    "application/vnd.ms-outlook": _EMAIL,
    "message/rfc822": _EMAIL,
    "text/html": _WEB_PAGE,
    "application/xhtml+xml": _WEB_PAGE,
    "text/csv": gettext_lazy("CSV table"),
    "text/tab-separated-values": gettext_lazy("Table"),
    "text/calendar": gettext_lazy("Calendar"),
    "text/vcard": gettext_lazy("Contact"),
    "text/markdown": "Markdown",
    "application/json": "JSON",
    "application/xml": "XML",
}

_GROUPS: dict[Kind, str | Promise] = {
    "image": gettext_lazy("Image"),
    "video": gettext_lazy("Video"),
    "audio": gettext_lazy("Audio"),
    "pdf": "PDF",
    "archive": gettext_lazy("Archive"),
    "text": gettext_lazy("Text"),
    "document": gettext_lazy("Document"),
    "code": gettext_lazy("Code"),
    "other": gettext_lazy("File"),
}


def type_name(content_type: str) -> str:
    """The name of a media type in the active language; that of its group if it has none."""
    name = _NAMES.get(media_types.usual(content_type)) or _GROUPS[media_types.kind(content_type)]
    return str(name)
