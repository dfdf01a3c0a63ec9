"""The progress of a long command, on the output of a Django command."""

from __future__ import annotations

from django.core.management.base import OutputWrapper

from filehub_client import progress


class Progress(progress.Progress):
    """`with Progress(self.stderr) as progress: progress.show(0.4, "1,234 checked")`."""

    def __init__(self, out: OutputWrapper) -> None:
        super().__init__(_Plain(out))


class _Plain:
    """The output, without the line ends and the style that Django adds to each text."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self.flush, self.isatty = out.flush, out.isatty

    def write(self, text: str, /) -> object:
        return self._out.write(text, style_func=str, ending="")
