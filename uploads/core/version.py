"""The version of filehub, which is named in `pyproject.toml` and nowhere else."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

#: The name of the package on PyPI.
DISTRIBUTION = "django-filehub"
_PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


@cache
def version() -> str:
    """Return the version, such as "0.1.0".

    A checkout or an image has `pyproject.toml`; an installed package has metadata made from it.
    """
    if _PYPROJECT.is_file():
        project = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == DISTRIBUTION:
            return str(project["version"])
    return metadata.version(DISTRIBUTION)
