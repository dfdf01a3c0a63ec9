"""`python -m uploads.thumbnails.child.pdf`: a PDF on stdin, its first page on stdout."""

from __future__ import annotations

import sys

import pypdfium2

from uploads.thumbnails.child import output
from uploads.thumbnails.child.confine import SIDE, confine


def main() -> None:
    confine()
    document = pypdfium2.PdfDocument(sys.stdin.buffer)
    page = document[0]
    # In points. The page is never rendered larger than the thumbnail, whatever size it claims.
    scale = SIDE / max(page.get_size())
    output.write(page.render(scale=scale).to_pil())


if __name__ == "__main__":
    main()
