from __future__ import annotations

from typing import IO

import pytest

from uploads.thumbnails import make
from uploads.thumbnails.render import Kind, NotRendered, Thumbnail, render

_results: dict[tuple[Kind, bytes], Thumbnail | NotRendered] = {}


def _render_once(kind: Kind, source: IO[bytes]) -> Thumbnail:
    source.seek(0)
    key = kind, source.read()
    if key not in _results:
        try:
            _results[key] = render(kind, source)
        except NotRendered as exc:
            _results[key] = exc
    result = _results[key]
    if isinstance(result, NotRendered):
        raise result
    return result


@pytest.fixture
def render_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the child process only for the first of equal files: it takes a third of a second."""
    monkeypatch.setattr(make, "render", _render_once)
