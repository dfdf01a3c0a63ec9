"""Sizes, times and reasons as text, in the language of the reader."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.utils.formats import number_format
from django.utils.html import avoid_wrapping
from django.utils.translation import gettext, ngettext

from uploads.core import sizes
from uploads.core.errors import BackendUnavailable, FilehubError, FileNotFound
from uploads.core.reasons import Parameters, Reason, load


def file_size(size: int) -> str:
    """A size in bytes, rounded: `1 byte`, `340 kB`, `1.5 GB`.

    Units are powers of 1000, as in the operating systems of most users. The page's scripts have
    the same function (static/uploads/page/text/format.js).
    """
    number, unit = sizes.scaled(size)
    text = number_format(number, force_grouping=True)
    return avoid_wrapping(_with_unit(text, unit, size))


def _with_unit(text: str, unit: str, size: int) -> str:
    if unit == "B":
        return byte_count(size)
    sentences = {
        "kB": gettext("%(size)s kB"),
        "MB": gettext("%(size)s MB"),
        "GB": gettext("%(size)s GB"),
        "TB": gettext("%(size)s TB"),
        "PB": gettext("%(size)s PB"),
    }
    return sentences[unit] % {"size": text}


def byte_count(size: int) -> str:
    """A size in bytes, exactly: `5,000 bytes`."""
    return ngettext("%(n)s byte", "%(n)s bytes", size) % {
        "n": number_format(size, force_grouping=True)
    }


def timestamp(moment: datetime, *, seconds: bool = False) -> str:
    """A time that says its zone: `2026-01-31 13:05 UTC`, the same in every language."""
    return f"{moment.astimezone(UTC):{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}} UTC"


def describe(reason: Reason) -> str:
    """A reason as one or two sentences in the active language; "" for none.

    An unknown code, of a later version, is shown as it is.
    """
    if not reason.code:
        return reason.sentence
    sentence = _SENTENCES.get(reason.code)
    if sentence is None:
        return reason.code
    try:
        text = sentence() % _displayed(reason.parameters)
    except (KeyError, TypeError, ValueError):  # parameters of another version
        return reason.code
    # The record of a message with several.
    number = reason.parameters.get("record")
    where = {"number": number, "problem": text}
    return text if number is None else gettext("Record %(number)s: %(problem)s") % where


def describe_stored(text: str) -> str:
    """The stored form of reasons (`uploads.core.reasons.dump`) as sentences."""
    return " ".join(map(describe, load(text)))


def describe_error(error: FilehubError) -> str:
    """An error as a sentence in the active language, for pages. Those of the API are English."""
    if isinstance(error, BackendUnavailable):
        return gettext("Storage is not responding. Try again in a moment.")
    if isinstance(error, FileNotFound):
        return gettext("The file does not exist anymore.")
    return describe(error.reason)


#: Parameters that are sizes in bytes.
_SIZES = ("size", "used", "limit")


def _displayed(parameters: Parameters) -> dict[str, Any]:
    """The parameters as text. Different sizes that would be rounded to the same are exact."""
    values: dict[str, Any] = dict(parameters)
    found = {name: int(values[name]) for name in _SIZES if name in values}
    rounded = {name: file_size(size) for name, size in found.items()}
    is_ambiguous = len(set(rounded.values())) < len(set(found.values()))
    values |= {name: byte_count(size) for name, size in found.items()} if is_ambiguous else rounded
    if "content" in values:
        content = _CONTENTS.get(str(values["content"]))
        values["content"] = content() if content else values["content"]
    return values


#: What a file is (`uploads.core.sniffing.Content`).
_CONTENTS: dict[str, Callable[[], str]] = {
    "program": lambda: gettext("a program"),
    "script": lambda: gettext("a script"),
    "page": lambda: gettext("a web page"),
    "svg": lambda: gettext("an SVG image, which can run script"),
    "playlist": lambda: gettext("a playlist"),
    "png": lambda: gettext("a PNG image"),
    "jpeg": lambda: gettext("a JPEG image"),
    "gif": lambda: gettext("a GIF image"),
    "media": lambda: gettext("audio or video"),
    "pdf": lambda: gettext("a PDF document"),
    "archive": lambda: gettext("an archive"),
}

_SENTENCES: dict[str, Callable[[], str]] = {
    # Files. Most codes are those of the API's errors.
    "not_from_filehub": lambda: gettext(
        "It was not uploaded through filehub: its owner or name is missing."
    ),
    "missing_file_name": lambda: gettext("It has no name."),
    "invalid_name": lambda: gettext("Its name has characters that are not allowed."),
    "name_too_long": lambda: gettext("Its name is %(size)s long; at most %(limit)s are allowed."),
    "invalid_content_type": lambda: gettext("Its type is not a media type such as image/png."),
    "type_not_allowed": lambda: gettext(
        "Files of type %(type)s are not accepted here. Accepted: %(allowed)s."
    ),
    "file_too_large": lambda: gettext("The file is %(size)s; at most %(limit)s are allowed."),
    "unknown_destination": lambda: gettext("There is no destination “%(destination)s” here."),
    "quota_exceeded": lambda: gettext(
        "The file is %(size)s, but %(used)s of the quota of %(limit)s are already used."
    ),
    "content_mismatch": lambda: gettext(
        "It was uploaded as %(type)s, but its content is %(content)s."
    ),
    "malware": lambda: gettext("Malware was found in it: %(signature)s."),
    "scan_too_large": lambda: gettext(
        "It could not be checked for malware, because it is too large for the scanner."
    ),
    "scan_encrypted": lambda: gettext(
        "It could not be checked for malware, because its content is encrypted."
    ),
    "scan_unsupported": lambda: gettext(
        "It could not be checked for malware, because the scanner does not support such files."
    ),
    "scan_unavailable": lambda: gettext(
        "It could not be checked for malware, because the scanner was unavailable for too long."
    ),
    "object_missing": lambda: gettext("object missing"),
    "being_deleted": lambda: gettext("The file is already being permanently deleted."),
    # Messages
    "not_json": lambda: gettext("It is not JSON."),
    "not_json_object": lambda: gettext("It is not a JSON object."),
    "no_records": lambda: gettext("It has no list of Records and is not an EventBridge event."),
    "field_missing": lambda: gettext("%(field)s is missing."),
    "field_not_text": lambda: gettext("%(field)s is not text."),
    "invalid_scan_result": lambda: gettext("The result of the check for malware is not valid."),
    "invalid_sequencer": lambda: gettext("The sequencer is not a hexadecimal number."),
    "not_a_task": lambda: gettext("This is not a Celery task."),
    # Tasks
    "unavailable": lambda: gettext("A service did not respond: %(cause)s"),
    "events_failed": lambda: gettext(
        "%(failed)s of %(total)s events failed, first %(first)s: %(cause)s"
    ),
    "task_failed": lambda: gettext("The task failed: %(cause)s"),
    # The admin site's log of a file
    "trashed": lambda: gettext("Moved to the trash."),
    "restored": lambda: gettext("Restored from the trash."),
    "deletion_requested": lambda: gettext("Deletion requested."),
    "malware_released": lambda: gettext("Released from quarantine: %(why)s"),
    "malware_check_requested": lambda: gettext("A check for malware was requested."),
    "check_consistent": lambda: gettext("Checked: the record is correct."),
    "check_confirmed": lambda: gettext("Checked: the object exists, so the file is now stored."),
    "check_rejected": lambda: gettext("Checked: the file breaks a rule and was rejected."),
    "check_missing": lambda: gettext(
        "Checked: the object is missing, so the file is now marked as deleted."
    ),
    "check_corrected": lambda: gettext(
        "Checked: the object had changed, so the record was corrected."
    ),
    "owner_changed": lambda: gettext("Owner changed from %(old)s to %(new)s."),
    "listed_in_download": lambda: gettext("Included in a downloaded list."),
}

#: All codes that have a sentence.
CODES = frozenset(_SENTENCES)
