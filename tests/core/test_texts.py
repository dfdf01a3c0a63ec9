"""Sizes, times and reasons in the language of the reader."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from tests.support.processes import ROOT
from uploads.core import errors, sizes, texts
from uploads.core.reasons import Reason, dump
from uploads.core.sniffing import Content

#: Cases on which the server and the page must agree; sizes.test.js has the same test.
SIZES = json.loads((ROOT / "tests/shared/sizes.json").read_text())


@pytest.mark.parametrize(("size", "text"), SIZES)
def test_a_size_is_rounded_to_a_decimal_unit(size: int, text: str) -> None:
    assert texts.file_size(size) == text.replace(" ", "\xa0")


@pytest.mark.parametrize(
    ("size", "text"),
    [(1, "1 Byte"), (2, "2 Bytes"), (1500, "1,5 kB"), (2_000_000, "2 MB"), (10**19, "10.000 PB")],
)
def test_a_german_size_has_a_decimal_comma(size: int, text: str) -> None:
    with translation.override("de"):
        assert texts.file_size(size) == text.replace(" ", "\xa0")


@pytest.mark.parametrize(
    "entered", ["2 MB", "1.5 GB", "10 GB", "500 kB", "999 bytes", "1 TB", "2.5 PB", "0.5 MB"]
)
def test_a_size_reads_as_it_was_entered(entered: str) -> None:
    size = sizes.parse(entered.replace("bytes", "B"))
    expected = "500 kB" if entered == "0.5 MB" else entered
    assert texts.file_size(size) == expected.replace(" ", "\xa0")


@given(st.integers(0, 2**63))
def test_a_rounded_size_is_close(size: int) -> None:
    number, unit = sizes.scaled(size)
    assert abs(number * sizes.DECIMAL[unit] - size) <= max(sizes.DECIMAL[unit] // 20, size // 199)
    assert number < 1000 or unit == "PB"


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_time_says_that_it_is_utc(language: str) -> None:
    moment = datetime(2026, 1, 31, 23, 5, 7, tzinfo=timezone(-timedelta(hours=2)))
    with translation.override(language):
        assert texts.timestamp(moment) == "2026-02-01 01:05 UTC"
        assert texts.timestamp(moment, seconds=True) == "2026-02-01 01:05:07 UTC"
        assert texts.timestamp(moment.astimezone(UTC)) == "2026-02-01 01:05 UTC"


# Reasons

REASONS: list[tuple[str, Mapping[str, str | int], str, str]] = [
    (
        "not_from_filehub", {},
        "It was not uploaded through filehub: its owner or name is missing.",
        "Die Datei wurde nicht über filehub hochgeladen: Eigentümer oder Name fehlt.",
    ),
    ("missing_file_name", {}, "It has no name.", "Die Datei hat keinen Namen."),
    (
        "invalid_name", {},
        "Its name has characters that are not allowed.",
        "Der Name der Datei enthält unzulässige Zeichen.",
    ),
    (
        "name_too_long", {"size": 300, "limit": 255},
        "Its name is 300 bytes long; at most 255 bytes are allowed.",
        "Der Name der Datei ist 300 Bytes lang; erlaubt sind höchstens 255 Bytes.",
    ),
    (
        "invalid_content_type", {},
        "Its type is not a media type such as image/png.",
        "Der Typ der Datei ist kein Medientyp wie image/png.",
    ),
    (
        "type_not_allowed", {"type": "text/html", "allowed": "image/*, text/plain"},
        "Files of type text/html are not accepted here. Accepted: image/*, text/plain.",
        "Dateien vom Typ text/html werden hier nicht angenommen. "
        "Angenommen werden: image/*, text/plain.",
    ),
    (
        "file_too_large", {"size": 3_100_000, "limit": 2_000_000},
        "The file is 3.1 MB; at most 2 MB are allowed.",
        "Die Datei hat 3,1 MB; erlaubt sind höchstens 2 MB.",
    ),
    (
        "file_too_large", {"size": 2_000_001, "limit": 2_000_000},
        "The file is 2,000,001 bytes; at most 2,000,000 bytes are allowed.",
        "Die Datei hat 2.000.001 Bytes; erlaubt sind höchstens 2.000.000 Bytes.",
    ),
    (
        "quota_exceeded", {"size": 3_100_000, "used": 1_250_000, "limit": 2_000_000},
        "The file is 3.1 MB, but 1.3 MB of the quota of 2 MB are already used.",
        "Die Datei hat 3,1 MB, aber vom Kontingent von 2 MB sind schon 1,3 MB belegt.",
    ),
    (
        "quota_exceeded", {"size": 5, "used": 5, "limit": 6},
        "The file is 5 bytes, but 5 bytes of the quota of 6 bytes are already used.",
        "Die Datei hat 5 Bytes, aber vom Kontingent von 6 Bytes sind schon 5 Bytes belegt.",
    ),
    (
        "unknown_destination", {"destination": "press"},
        "There is no destination “press” here.",
        "Das Ziel „press“ gibt es hier nicht.",
    ),
    (
        "content_mismatch", {"type": "image/png", "content": "page"},
        "It was uploaded as image/png, but its content is a web page.",
        "Die Datei wurde als image/png hochgeladen, ihr Inhalt ist aber eine Webseite.",
    ),
    ("object_missing", {}, "object missing", "Objekt fehlt"),
    (
        "malware", {"signature": "Eicar"},
        "Malware was found in it: Eicar.", "Die Datei enthält Schadsoftware: Eicar.",
    ),
    (
        "scan_too_large", {},
        "It could not be checked for malware, because it is too large for the scanner.",
        "Die Datei konnte nicht auf Schadsoftware geprüft werden, weil sie für den Scanner zu groß "
        "ist.",
    ),
    (
        "scan_encrypted", {},
        "It could not be checked for malware, because its content is encrypted.",
        "Die Datei konnte nicht auf Schadsoftware geprüft werden, weil ihr Inhalt verschlüsselt "
        "ist.",
    ),
    (
        "scan_unsupported", {},
        "It could not be checked for malware, because the scanner does not support such files.",
        "Die Datei konnte nicht auf Schadsoftware geprüft werden, weil der Scanner solche Dateien "
        "nicht unterstützt.",
    ),
    (
        "invalid_scan_result", {},
        "The result of the check for malware is not valid.",
        "Das Ergebnis der Prüfung auf Schadsoftware ist ungültig.",
    ),
    (
        "scan_unavailable", {},
        "It could not be checked for malware, because the scanner was unavailable for too long.",
        "Die Datei konnte nicht auf Schadsoftware geprüft werden, weil der Scanner zu lange nicht "
        "verfügbar war.",
    ),
    (
        "malware_released", {"why": "a test"},
        "Released from quarantine: a test", "Aus der Quarantäne freigegeben: a test",
    ),
    (
        "malware_check_requested", {},
        "A check for malware was requested.",
        "Eine Prüfung auf Schadsoftware wurde angefordert.",
    ),
    ("not_json", {}, "It is not JSON.", "Die Nachricht ist kein JSON."),
    ("not_json_object", {}, "It is not a JSON object.", "Die Nachricht ist kein JSON-Objekt."),
    (
        "no_records", {},
        "It has no list of Records and is not an EventBridge event.",
        "Die Nachricht enthält keine Liste „Records“ und ist kein Ereignis von EventBridge.",
    ),
    ("field_missing", {"field": "s3.bucket"}, "s3.bucket is missing.", "s3.bucket fehlt."),
    (
        "field_missing", {"field": "s3.bucket", "record": 0},
        "Record 0: s3.bucket is missing.",
        "Eintrag 0: s3.bucket fehlt.",
    ),
    ("field_not_text", {"field": "s3"}, "s3 is not text.", "s3 ist kein Text."),
    (
        "invalid_sequencer", {},
        "The sequencer is not a hexadecimal number.",
        "Der Sequencer ist keine Hexadezimalzahl.",
    ),
    ("not_a_task", {}, "This is not a Celery task.", "Dies ist keine Celery-Aufgabe."),
    (
        "unavailable", {"cause": "EndpointConnectionError()"},
        "A service did not respond: EndpointConnectionError()",
        "Ein Dienst hat nicht geantwortet: EndpointConnectionError()",
    ),
    (
        "events_failed", {"failed": 2, "total": 3, "first": "created of 1", "cause": "KeyError()"},
        "2 of 3 events failed, first created of 1: KeyError()",
        "2 von 3 Ereignissen sind fehlgeschlagen, zuerst created of 1: KeyError()",
    ),
    (
        "task_failed", {"cause": "KeyError('a')"},
        "The task failed: KeyError('a')",
        "Die Aufgabe ist fehlgeschlagen: KeyError('a')",
    ),
    (
        "being_deleted", {},
        "The file is already being permanently deleted.",
        "Die Datei wird bereits endgültig gelöscht.",
    ),
    ("trashed", {}, "Moved to the trash.", "In den Papierkorb verschoben."),
    ("restored", {}, "Restored from the trash.", "Aus dem Papierkorb wiederhergestellt."),
    ("deletion_requested", {}, "Deletion requested.", "Löschung angefordert."),
    (
        "check_consistent", {},
        "Checked: the record is correct.",
        "Geprüft: Der Datensatz stimmt.",
    ),
    (
        "check_confirmed", {},
        "Checked: the object exists, so the file is now stored.",
        "Geprüft: Das Objekt ist vorhanden, die Datei ist jetzt gespeichert.",
    ),
    (
        "check_rejected", {},
        "Checked: the file breaks a rule and was rejected.",
        "Geprüft: Die Datei verstößt gegen eine Regel und wurde abgelehnt.",
    ),
    (
        "check_missing", {},
        "Checked: the object is missing, so the file is now marked as deleted.",
        "Geprüft: Das Objekt fehlt, die Datei ist jetzt als gelöscht markiert.",
    ),
    (
        "check_corrected", {},
        "Checked: the object had changed, so the record was corrected.",
        "Geprüft: Das Objekt hatte sich geändert, der Datensatz wurde korrigiert.",
    ),
    (
        "owner_changed", {"old": "alice", "new": "bob"},
        "Owner changed from alice to bob.",
        "Eigentümer von alice auf bob geändert.",
    ),
    (
        "listed_in_download", {},
        "Included in a downloaded list.",
        "In einer heruntergeladenen Liste enthalten.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "parameters", "english", "german"), REASONS)
def test_a_reason_is_a_sentence_in_the_language_of_the_reader(
    code: str, parameters: Mapping[str, str | int], english: str, german: str
) -> None:
    for language, sentence in (("en", english), ("de", german)):
        with translation.override(language):
            for text in (
                texts.describe(Reason(code, parameters)),
                texts.describe_stored(dump(Reason(code, parameters))),
            ):
                assert text.replace("\xa0", " ") == sentence


def test_every_code_has_a_case() -> None:
    assert {code for code, *_ in REASONS} == texts.CODES


@pytest.mark.parametrize("content", get_args(Content))
def test_every_content_has_a_name_in_each_language(content: str) -> None:
    reason = Reason("content_mismatch", {"type": "a/b", "content": content})
    sentences = set()
    for language in ("en", "de"):
        with translation.override(language):
            sentences.add(texts.describe(reason))
    assert len(sentences) == 2
    assert not any(re.search(rf"(is|aber) {content}\.", sentence) for sentence in sentences)


@pytest.mark.parametrize(
    "reason",
    [
        Reason("of_a_later_version", {"a": 1}),
        Reason("quota_exceeded"),
        Reason("quota_exceeded", {"size": "much", "used": 1, "limit": 2}),
        Reason("events_failed", {"failed": 1}),
    ],
)
def test_a_reason_of_another_version_is_shown_by_its_code(reason: Reason) -> None:
    assert texts.describe(reason) == reason.code


def test_a_sentence_of_an_earlier_version_is_shown_as_it_is() -> None:
    with translation.override("de"):
        assert (
            texts.describe_stored("It was 100% wrong, %(size)s.") == "It was 100% wrong, %(size)s."
        )
        assert texts.describe_stored("") == ""


@pytest.mark.parametrize("code", ["not_json", "no_records", "field_missing", "type_not_allowed"])
def test_an_error_becomes_the_reason_that_is_stored(code: str) -> None:
    error = errors.MalformedEvent("A sentence.", code=code, parameters={"field": "a"})
    assert error.reason == Reason(code, {"field": "a"})
