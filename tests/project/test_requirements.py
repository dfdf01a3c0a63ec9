"""What is installed is what was locked, down to the bytes of each package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project import documents

LOCKED = sorted(path.name for path in documents.ROOT.glob("requirements*.txt"))
#: A package, up to the comment that says who needs it.
ENTRY = re.compile(
    r"^(?P<name>[A-Za-z][\w.-]*)(?:\[[\w,]+\])?==(?P<rest>.*?)(?=^ {4}# via)", re.M | re.S
)
#: An installation by pip, over the lines that continue it.
INSTALL = re.compile(r"\bpip install\b(?:[^\n\\`\"&]|\\\n)*")


@pytest.mark.parametrize("name", LOCKED)
def test_each_package_is_locked_with_hashes(name: str) -> None:
    entries = {entry["name"]: entry["rest"] for entry in ENTRY.finditer(documents.read(name))}
    assert entries
    without = [package for package, rest in entries.items() if "--hash=sha256:" not in rest]
    assert without == []


def _versions(name: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^([A-Za-z][\w.-]*)\S*==([\w.]+)", documents.read(name), re.M))


@pytest.mark.parametrize("name", LOCKED)
def test_the_tests_use_the_versions_that_are_deployed(name: str) -> None:
    assert _versions(name) - _versions("requirements-dev.txt") == set()


def _installations() -> list[tuple[str, str]]:
    files = [
        Path("Makefile"),
        Path("Dockerfile"),
        *(path.relative_to(documents.ROOT) for path in documents.DOCUMENTS),
    ]
    files += [
        path.relative_to(documents.ROOT) for path in (documents.ROOT / "uploads").rglob("*.py")
    ]
    return [
        (file.as_posix(), command)
        for file in files
        for command in INSTALL.findall(documents.read(file.as_posix()))
        if "requirements" in command
    ]


def test_each_installation_verifies_the_hashes() -> None:
    installations = _installations()
    assert {"Makefile", "Dockerfile", "docs/deployment.md"} <= {file for file, _ in installations}
    assert [entry for entry in installations if "--require-hashes" not in entry[1]] == []


def test_each_installation_names_a_locked_file() -> None:
    named = {
        name
        for _, command in _installations()
        for name in re.findall(r"requirements[\w-]*\.txt", command)
    }
    assert named == set(LOCKED)


def test_each_lock_is_made_by_make_lock() -> None:
    assert set(re.findall(r"-o (requirements[\w-]*\.txt)", documents.read("Makefile"))) == set(
        LOCKED
    )
