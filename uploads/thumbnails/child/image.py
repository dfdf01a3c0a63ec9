"""`python -m uploads.thumbnails.child.image`: an image on stdin, its thumbnail on stdout."""

from __future__ import annotations

import sys

from PIL import Image
from pillow_heif import register_heif_opener

from uploads.thumbnails.child import output
from uploads.thumbnails.child.confine import confine

#: What is tried, whatever type was declared. No others: some of Pillow's formats start programs.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF", "TIFF", "BMP", "DIB", "ICO")


def main() -> None:
    confine()
    register_heif_opener()
    # `output` has a limit that takes into account at which size a format is decoded.
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(sys.stdin.buffer, formats=_FORMATS) as picture:
        output.write(picture)


if __name__ == "__main__":
    main()
