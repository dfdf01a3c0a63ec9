"""Every kind of picture has the right thumbnail, and no file does harm."""

from __future__ import annotations

import io
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from _pytest.mark import ParameterSet
from celery.exceptions import SoftTimeLimitExceeded
from PIL import Image

from tests.support.waiting import wait_for
from tests.thumbnails import samples
from tests.thumbnails.samples import NOT_RENDERED, NOT_RENDERED_PDFS, ORIENTATIONS, PDFS, PICTURES
from uploads.thumbnails import render as render_module
from uploads.thumbnails.child.confine import MAX_OUTPUT
from uploads.thumbnails.render import Crashed, Interrupted, Kind, NotRendered, Thumbnail, render

Colour = tuple[int, int, int]
Case = TypeVar("Case")

#: Those that `make test` runs too: one for each part of the code.
ALWAYS = {
    "JPEG", "CMYK JPEG", "one pixel", "a long line", "palette", "16 bits, grey",
    "transparency in colours", "a damaged colour profile", "animated GIF", "HEIC", "PDF",
    "a huge page", "text", "truncated JPEG", "a pixel bomb", "encrypted", "no pages",
}  # fmt: skip


def table(cases: Mapping[str, Case]) -> list[ParameterSet]:
    marks = {name: () if name in ALWAYS else (pytest.mark.exhaustive,) for name in cases}
    return [pytest.param(case, id=name, marks=marks[name]) for name, case in cases.items()]


def rendered(kind: Kind, content: bytes) -> Thumbnail:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return render(kind, file)


def reason(kind: Kind, content: bytes) -> str:
    with pytest.raises(NotRendered) as refused:
        rendered(kind, content)
    return str(refused.value)


def picture_in(thumbnail: Thumbnail) -> Image.Image:
    picture = Image.open(io.BytesIO(thumbnail.webp), formats=["WEBP"])
    assert picture.size == (thumbnail.width, thumbnail.height)
    return picture


def is_similar(picture: Image.Image, colour: Colour) -> bool:
    """Whether a pixel near the upper left corner has about this colour."""
    position = (min(2, picture.width - 1), min(2, picture.height - 1))
    pixel = picture.convert("RGB").getpixel(position)
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=True))


def check(kind: Kind, expected: samples.Expected) -> None:
    make, size, colour = expected
    picture = picture_in(rendered(kind, make()))
    assert picture.size == size
    assert colour is None or is_similar(picture, colour)


@pytest.mark.parametrize("expected", table(PICTURES))
def test_a_picture(expected: samples.Expected) -> None:
    check("image", expected)


@pytest.mark.parametrize("expected", table(PDFS))
def test_the_first_page_of_a_pdf(expected: samples.Expected) -> None:
    check("pdf", expected)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_photo_is_upright_and_has_no_metadata(orientation: int) -> None:
    size, colour = ORIENTATIONS[orientation]
    thumbnail = rendered("image", samples.turned(orientation))
    picture = picture_in(thumbnail)
    assert (picture.size, is_similar(picture, colour)) == (size, True)
    assert dict(picture.getexif()) == {}
    assert b"secret" not in thumbnail.webp


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_stays(mode: str) -> None:
    content = samples.encoded(samples.transparent(mode), "PNG")
    alpha = picture_in(rendered("image", content)).getchannel("A")
    assert alpha.getextrema()[0] < 20 < 230 < alpha.getextrema()[1]


@pytest.mark.parametrize("case", table(NOT_RENDERED))
def test_what_is_no_picture_has_none(case: tuple[Callable[[], bytes], set[str]]) -> None:
    assert reason("image", case[0]()) in case[1]


@pytest.mark.parametrize("case", table(NOT_RENDERED_PDFS))
def test_what_is_no_pdf_has_none(case: tuple[Callable[[], bytes], set[str]]) -> None:
    assert reason("pdf", case[0]()) in case[1]


@pytest.fixture
def hijacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child does what the file says (hijacked.py)."""
    monkeypatch.setitem(render_module._MODULES, "image", "tests.thumbnails.hijacked")


#: What a file makes the child do -> why it has no thumbnail.
HIJACKED = {
    "crash": "ended by SIGSEGV",
    "take memory": "MemoryError",
    "write much": "OSError",
    "report much": "A" * 80,
    "open files": "OSError",
    "write a file": "OSError",
    "end early": "exit code 3",
    "write nothing": "no WebP image",
    "write text": "no WebP image",
    "claim a size": "wrong size",
    "claim no size": "wrong size",
    "look for secrets": "NothingFound",
    "forge a line of the log": "exit code 1",
    "signal:40": "ended by signal 40",
}


@pytest.mark.usefixtures("hijacked")
@pytest.mark.parametrize("action", HIJACKED)
def test_a_child_that_a_file_has_taken_over_is_contained(action: str) -> None:
    assert reason("image", action.encode()) == HIJACKED[action]


@pytest.mark.usefixtures("hijacked")
def test_a_task_that_is_interrupted_kills_the_child_and_what_it_has_started(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pid"

    def interrupt() -> None:
        wait_for(lambda: path.exists() and path.read_text())
        os.kill(os.getpid(), signal.SIGUSR1)

    def exceed(*_: object) -> None:
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGUSR1, exceed)  # as Celery does
    watcher = threading.Thread(target=interrupt)
    watcher.start()
    try:
        with pytest.raises(SoftTimeLimitExceeded):
            rendered("image", f"stay:{path}".encode())
    finally:
        watcher.join()
        signal.signal(signal.SIGUSR1, before)
    wait_for(lambda: not is_running(int(path.read_text())))


@pytest.mark.usefixtures("hijacked")
@pytest.mark.parametrize("action", ["leave", "crash and leave", "succeed and leave"])
def test_a_child_that_ends_leaves_no_process(action: str, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with suppress(NotRendered):
        rendered("image", f"{action}:{path}".encode())
    wait_for(lambda: not is_running(int(path.read_text())), timeout=30)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.exhaustive
@pytest.mark.usefixtures("hijacked")
def test_a_child_that_does_not_end_itself_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pid"
    monkeypatch.setattr(render_module, "SECONDS", 0)
    with pytest.raises(Interrupted, match="ended by SIGKILL"):
        rendered("image", f"stay:{path}".encode())
    assert not path.exists() or not is_running(int(path.read_text()))


@pytest.mark.usefixtures("hijacked")
@pytest.mark.parametrize("number", [signal.SIGALRM, signal.SIGKILL, signal.SIGTERM])
def test_a_child_that_its_machine_ends_does_not_tell_about_the_file(number: signal.Signals) -> None:
    with pytest.raises(Interrupted, match=f"ended by {number.name}"):
        rendered("image", f"signal:{number:d}".encode())


@pytest.mark.parametrize("number", sorted(signal.valid_signals()))
def test_every_other_signal_is_a_crash(number: int) -> None:
    error = render_module._ended_by(number)
    interrupts = number in {signal.SIGALRM, signal.SIGKILL, signal.SIGTERM}
    assert type(error) is (Interrupted if interrupts else Crashed)


#: These take as long as the limits allow.
@pytest.mark.exhaustive
@pytest.mark.usefixtures("hijacked")
@pytest.mark.parametrize(("action", "name"), [("compute", "SIGXCPU"), ("sleep", "SIGALRM")])
def test_the_limits_of_time_do_not_need_the_parent(action: str, name: str) -> None:
    # On a machine that is too busy, the alarm comes first.
    with pytest.raises((Crashed, Interrupted), match=f"ended by ({name}|SIGALRM)"):
        rendered("image", action.encode())


@pytest.mark.exhaustive
def test_a_pdf_that_takes_forever_has_none() -> None:
    # PDFium aborts if it gets no more memory.
    with pytest.raises((Crashed, Interrupted), match=r"ended by SIG(XCPU|ABRT|ALRM)"):
        rendered("pdf", samples.endless_pdf())


def test_a_thumbnail_with_the_most_noise_fits_into_the_limit() -> None:
    noise = Image.merge("RGB", [Image.effect_noise((320, 320), 200) for _ in range(3)])
    assert len(rendered("image", samples.encoded(noise, "PNG")).webp) < MAX_OUTPUT
