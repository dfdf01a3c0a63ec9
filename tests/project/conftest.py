"""An environment with only the mandatory variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from filehub import env
from filehub.env import APP_VARIABLES

SECRET_KEY = "0123456789" * 5


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set only the mandatory variables."""
    for name in (*map(str.upper, env.Env.model_fields), *APP_VARIABLES, "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("DJANGO_SECRET_KEY", SECRET_KEY)
