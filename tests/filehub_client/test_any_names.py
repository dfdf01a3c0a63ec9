"""Properties that hold for any name and any folder."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from filehub_client.names import fit_folder, local_name


@given(st.text(max_size=400))
def test_any_name_is_a_single_visible_component(file_name: str) -> None:
    name = local_name(file_name)
    assert 0 < len(name.encode()) <= 255
    assert not set(name) & set('/\\<>:"|?*\x00\n\r')
    assert not name.startswith((".", "-", "~", " "))
    assert name not in {"", ".", ".."}
    # A safe name stays as it is.
    assert local_name(name) == name


@given(st.lists(st.text(min_size=1, max_size=300).filter(lambda name: "/" not in name), min_size=1))
def test_any_folder_fits_and_keeps_its_outermost_name(names: list[str]) -> None:
    folder = "/".join(names)
    fitted = fit_folder(folder)
    assert len(fitted.encode("utf-8", "surrogatepass")) <= 400
    assert len(fitted.split("/")) <= 32
    outermost = unicodedata.normalize("NFC", folder).split("/")[0]
    assert fitted.split("/")[0] in {outermost, "…"}
    # What fits stays as it is.
    assert fit_folder(fitted) == fitted
