"""Reading the documents: their sections, tables and code."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from textwrap import dedent

from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
#: Directories that no document speaks of as files of the project.
GENERATED = {".git", ".venv", ".local", "node_modules", "__pycache__", "test-results"}
SOURCES = {".py", ".js", ".html", ".yaml", ".toml", ".css"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(document: str, heading: str) -> str:
    """The text under a Markdown heading, up to the next heading of the same level or above."""
    found = re.search(
        rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,6}} |\Z)", document, re.DOTALL | re.MULTILINE
    )
    assert found, f"there is no section “{heading}”"
    level = len(found[1])
    rest = document[found.start(2) :]
    end = re.search(rf"^#{{1,{level}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def first_column(section: str) -> list[str]:
    """What stands in backticks in the first cell of each row of the section's tables."""
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def without_blocks(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in this language, without the indentation of the list that they are in."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [dedent(block) for block in found]


def code(text: str) -> list[str]:
    """What stands in backticks, outside of blocks."""
    return re.findall(r"`([^`\n]+)`", without_blocks(text))


def run_commands(document: str, installation: Installation, *, number: int) -> str:
    """Run the bash blocks of a document, one after another in one shell, beside an installation
    that runs; return their output.
    """
    commands = blocks(read(document), "bash")
    assert len(commands) == number
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FILEHUB_", "DJANGO_", "AWS_", "DATABASE_"))
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input="\n".join(commands),
        cwd=ROOT,
        env=environment | {"LOCAL_DIR": str(installation.directory / "local")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
