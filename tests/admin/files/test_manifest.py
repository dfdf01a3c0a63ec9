"""The CSV manifest of chosen files runs no formula."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.admin.files.helpers import HOSTILE, act
from tests.support.files import store
from uploads.files.manifest import manifest
from uploads.files.record import FileInfo

pytestmark = pytest.mark.usefixtures("aws")


def test_a_manifest_lists_the_selected_files_without_formulas(admin: Client, alice: User) -> None:
    ids = [store(str(alice.pk), name) for name in HOSTILE]
    page = act(admin, "download_manifest", *ids)
    assert page["Content-Type"] == "text/csv; charset=utf-8"
    assert page["Content-Disposition"].startswith("attachment")
    rows = list(csv.DictReader(StringIO(page.content.decode(), newline="")))
    assert [row["id"] for row in rows] == ids
    assert [row["file_name"] for row in rows] == [
        f"'{name}" if name.startswith("=") else name for name in HOSTILE
    ]
    assert {(row["size"], row["owner"]) for row in rows} == {("5", "alice")}


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\u00a0=1", "＝1", "\r=1", "\u200b=1"]
)
def test_no_cell_begins_like_a_formula(name: str) -> None:
    info = FileInfo("id", "stored", datetime.now(UTC), file_name=name, folder=name, owner=name)
    (row,) = csv.DictReader(StringIO(manifest([info], {}), newline=""))
    for cell in (row["file_name"], row["folder"], row["owner"]):
        assert cell.replace("'", "") == name
        assert re.match(r"[\s\u200b]*'", cell)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "\n"])
def test_no_cell_is_a_formula_with_another_separator(separator: str) -> None:
    name = f"x{separator}=1+1{separator} \u200b@SUM(A1){separator}y"
    content_type = f"text/plain;+a{separator}=b"
    info = FileInfo(
        "id", "stored", datetime.now(UTC), file_name=name, content_type=content_type, size=1
    )
    for line in manifest([info], {}).splitlines():
        for cell in re.split(r"[,;\t|]", line):
            visible = re.sub(r"^[\s\u200b\"]+", "", cell)
            assert not visible.startswith(("=", "+", "-", "@")), cell
