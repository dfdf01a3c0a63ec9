"""Reduce a picture and write it, as the parent process expects it."""

from __future__ import annotations

import io
import struct
import sys
from typing import cast

from PIL import Image, ImageCms

from uploads.thumbnails.child.confine import MAX_PIXELS, SIDE

#: EXIF's orientation -> how to turn the picture so that it is upright.
#: https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf, section 4.6.4
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112


class TooManyPixels(Exception):
    """Decoding the picture would take too much memory."""


def write(picture: Image.Image) -> None:
    """Write width and height (two bytes each, big-endian), then the picture as WebP.

    The picture is reduced to SIDE, never enlarged. Its metadata is left out.
    """
    thumbnail = _reduced(picture)
    target = io.BytesIO()
    thumbnail.save(target, "WEBP", quality=75, method=4, exif=b"", icc_profile=b"", xmp=b"")
    sys.stdout.buffer.write(struct.pack(">HH", *thumbnail.size) + target.getvalue())


def _reduced(picture: Image.Image) -> Image.Image:
    # A JPEG is decoded at the smallest fraction of its size that is large enough.
    picture.draft(picture.mode, (2 * SIDE, 2 * SIDE))
    if picture.width * picture.height > MAX_PIXELS:
        raise TooManyPixels
    turn = _UPRIGHT.get(picture.getexif().get(_ORIENTATION, 1))
    is_transparent = picture.has_transparency_data
    picture = _resizable(picture)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    picture = _as_srgb(_as_8_bit(picture), is_transparent=is_transparent)
    return picture if turn is None else picture.transpose(turn)


def _resizable(picture: Image.Image) -> Image.Image:
    """The picture in a mode whose pixels can be averaged."""
    if picture.mode.startswith("I;16"):
        return picture.convert("I")
    if picture.mode in {"1", "P", "PA"}:
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    return picture


def _as_8_bit(picture: Image.Image) -> Image.Image:
    """Stretch numbers of more than 8 bits, whose meaning is not known, to what can be shown."""
    if picture.mode not in {"I", "F"}:
        return picture
    # A picture of one channel has one pair.
    low, high = cast("tuple[float, float]", picture.getextrema())
    if low >= 0 and 255 < high < 65_536:  # 16 bits
        low, high = 0, 65_535
    scale = 255 / (high - low) if high > low else 1.0
    return picture.convert("F").point(lambda value: value * scale - low * scale).convert("L")


def _as_srgb(picture: Image.Image, *, is_transparent: bool) -> Image.Image:
    mode = "RGBA" if is_transparent else "RGB"
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in {"L", "RGB", "RGBA", "CMYK"}:
        return picture.convert(mode)
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    source = picture.convert("RGB") if alpha else picture
    try:
        converted = ImageCms.profileToProfile(
            source, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        # Damaged, or of another colour space: the colours are shown as they are.
        return picture.convert(mode)
    if converted is None:
        return picture.convert(mode)
    if alpha:
        converted.putalpha(alpha)
    return converted.convert(mode)
