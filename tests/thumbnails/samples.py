"""Images and PDFs as clients send them, and as attackers do; all made here."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageCms
from pillow_heif import register_heif_opener

register_heif_opener()

RED, BLUE = (220, 30, 30), (30, 30, 220)


def halves(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """The left half red, the right half blue."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(BLUE, (width // 2, 0, width, height))
    return picture.convert(mode)


def encoded(picture: Image.Image, format_: str, **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, format_, **options)
    return target.getvalue()


def turned(orientation: int) -> bytes:
    """A JPEG that is upright only if its EXIF data is respected."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a secret description"
    return encoded(halves(600, 400), "JPEG", exif=exif)


def transparent(mode: str) -> Image.Image:
    picture = halves(mode="RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return picture.convert(mode)


def animated(format_: str) -> bytes:
    frames = [Image.new("RGB", (60, 40), BLUE) for _ in range(20)]
    return encoded(halves(), format_, save_all=True, append_images=frames, lossless=True)


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that claims a size, with these chunks in place of its pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def zeros(size: int) -> bytes:
    """Compressed zeros, a thousandth of their size."""
    packer, block = zlib.compressobj(9), bytes(1024**2)
    return b"".join(packer.compress(block) for _ in range(size // len(block))) + packer.flush()


def pixel_bomb() -> bytes:
    """2.5 thousand million pixels: within what the format allows."""
    return png(50_000, 50_000, chunk(b"IDAT", zeros(64 * 1024**2)))


def text_bomb() -> bytes:
    """A small picture with a comment of 256 MB."""
    text = chunk(b"zTXt", b"Comment\0\0" + zeros(256 * 1024**2))
    return png(1, 1, text, chunk(b"IDAT", zlib.compress(b"\0" * 4)))


def pdf(page: str = "", *, box: str = "0 0 300 200", pages: int = 1, extra: str = "") -> bytes:
    """A PDF whose page draws this content. Without a table of contents, which viewers rebuild."""
    kids = "3 0 R" if pages else ""
    return (
        f"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        f"2 0 obj<</Type/Pages/Kids[{kids}]/Count {pages}>>endobj\n"
        f"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R"
        f"/Resources<<{extra}>>>>endobj\n"
        f"4 0 obj<</Length {len(page)}>>stream\n{page}\nendstream endobj\n"
        "trailer<</Root 1 0 R>>\n%%EOF\n"
    ).encode()


#: A red page.
RED_PDF = pdf("1 0 0 rg 0 0 300 200 re f")


def encrypted_pdf() -> bytes:
    """A PDF that asks for a password (the standard handler, revision 2)."""
    return RED_PDF.replace(
        b"trailer<<",
        b"5 0 obj<</Filter/Standard/V 1/R 2/P -4/O<" + b"ab" * 32 + b">/U<" + b"cd" * 32
        + b">>>endobj\ntrailer<</Encrypt 5 0 R/ID[<00><00>]",
    )  # fmt: skip


def endless_pdf() -> bytes:
    """A page that draws a pattern of patterns of patterns …: more than a lifetime of work."""
    depth, body = 12, []
    for number in range(depth):
        inner = f"/F{number + 1} Do " * 40 if number < depth - 1 else "0 0 1 1 re f"
        resources = f"/XObject<</F{number + 1} {11 + number} 0 R>>" if number < depth - 1 else ""
        body.append(
            f"{10 + number} 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 300 200]"
            f"/Resources<<{resources}>>/Length {len(inner)}>>stream\n{inner}\nendstream endobj\n"
        )
    first = pdf("/F0 Do " * 40, extra="/XObject<</F0 10 0 R>>")
    return first.replace(b"trailer<<", "".join(body).encode() + b"trailer<<")


def profile(colours: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(colours)).tobytes()


def _hdr(mode: str, value: float) -> bytes:
    return encoded(Image.new(mode, (60, 40), value), "TIFF")


#: What has a thumbnail: the bytes, its size, and the colour of a pixel near the left and right edge
#: (None: any).
Expected = tuple[Callable[[], bytes], tuple[int, int], tuple[int, int, int] | None]

PICTURES: dict[str, Expected] = {
    "JPEG": (lambda: encoded(halves(4000, 3000), "JPEG"), (320, 240), RED),
    "progressive JPEG": (lambda: encoded(halves(), "JPEG", progressive=True), (60, 40), RED),
    "JPEG of 108 million pixels": (
        lambda: encoded(Image.new("L", (12_000, 9_000), 128), "JPEG"), (320, 240), (128,) * 3),
    "grey JPEG": (lambda: encoded(Image.new("L", (60, 40), 90), "JPEG"), (60, 40), (90,) * 3),
    "CMYK JPEG": (lambda: encoded(halves(mode="CMYK"), "JPEG"), (60, 40), RED),
    "PNG": (lambda: encoded(halves(800, 200), "PNG"), (320, 80), RED),
    "one pixel": (lambda: encoded(Image.new("RGB", (1, 1), RED), "PNG"), (1, 1), RED),
    "a long line": (lambda: encoded(Image.new("RGB", (60_000, 1), RED), "PNG"), (320, 1), RED),
    "a tall line": (lambda: encoded(Image.new("RGB", (1, 60_000), RED), "PNG"), (1, 320), RED),
    "small pictures are not enlarged": (
        lambda: encoded(halves(100, 319), "PNG"), (100, 319), RED),
    "black and white": (lambda: encoded(Image.new("1", (60, 40), 1), "PNG"), (60, 40), (255,) * 3),
    "palette": (lambda: encoded(halves(mode="P"), "PNG"), (60, 40), RED),
    "16 bits, grey": (
        lambda: encoded(Image.new("I;16", (60, 40), 0x8000), "PNG"), (60, 40), (128,) * 3),
    "16 bits, colours": (
        lambda: png(2, 1, chunk(b"IDAT", zlib.compress(b"\0" + b"\xdc\xdc\x1e\x1e\x1e\x1e" * 2)),
                    depth=16), (2, 1), RED),
    "32 bits": (lambda: _hdr("I", 100_000), (60, 40), None),
    "floating point": (lambda: _hdr("F", 0.5), (60, 40), None),
    "infinite numbers": (lambda: _hdr("F", float("inf")), (60, 40), None),
    "transparency in colours": (lambda: encoded(transparent("RGBA"), "PNG"), (60, 40), None),
    "transparency in grey": (lambda: encoded(transparent("LA"), "PNG"), (60, 40), None),
    "a transparent palette": (
        lambda: encoded(halves(mode="P"), "PNG", transparency=0), (60, 40), None),
    "another colour space": (
        lambda: encoded(halves(), "PNG", icc_profile=profile("sRGB")), (60, 40), RED),
    "a damaged colour profile": (
        lambda: encoded(halves(), "PNG", icc_profile=b"no profile"), (60, 40), RED),
    "a profile of other channels": (
        lambda: encoded(halves(), "PNG", icc_profile=profile("LAB")), (60, 40), RED),
    "GIF": (lambda: encoded(halves(), "GIF"), (60, 40), RED),
    "animated GIF": (lambda: animated("GIF"), (60, 40), RED),
    "animated PNG": (lambda: animated("PNG"), (60, 40), RED),
    "animated WebP": (lambda: animated("WEBP"), (60, 40), RED),
    "WebP": (lambda: encoded(halves(), "WEBP"), (60, 40), RED),
    "AVIF": (lambda: encoded(halves(), "AVIF"), (60, 40), RED),
    "HEIC": (lambda: encoded(halves(), "HEIF"), (60, 40), RED),
    "BMP": (lambda: encoded(halves(), "BMP"), (60, 40), RED),
    "TIFF": (lambda: encoded(halves(), "TIFF", compression="tiff_lzw"), (60, 40), RED),
    "CMYK TIFF": (lambda: encoded(halves(mode="CMYK"), "TIFF"), (60, 40), RED),
    "icon": (lambda: encoded(halves(32, 32), "ICO", sizes=[(32, 32)]), (32, 32), RED),
    "bytes after the end": (lambda: encoded(halves(), "PNG") + b"<script>" * 99, (60, 40), RED),
}  # fmt: skip

#: EXIF's orientation -> the size of the thumbnail and the colour of its upper left corner.
ORIENTATIONS = {
    1: ((320, 213), RED), 2: ((320, 213), BLUE), 3: ((320, 213), BLUE), 4: ((320, 213), RED),
    5: ((213, 320), RED), 6: ((213, 320), RED), 7: ((213, 320), BLUE), 8: ((213, 320), BLUE),
}  # fmt: skip

PDFS: dict[str, Expected] = {
    "PDF": (lambda: RED_PDF, (320, 214), (255, 0, 0)),
    "an empty page": (pdf, (320, 214), (255, 255, 255)),
    "a portrait": (lambda: pdf(box="0 0 595 842"), (227, 320), (255, 255, 255)),
    "a tiny page": (lambda: pdf(box="0 0 1 1"), (320, 320), (255, 255, 255)),
    "a huge page": (lambda: pdf(box="0 0 100000000 100000000"), (320, 320), (255, 255, 255)),
    "a very narrow page": (lambda: pdf(box="0 0 14400 1"), (320, 1), (255, 255, 255)),
    "a picture": (lambda: encoded(halves(), "PDF"), (320, 214), None),
    "script": (
        lambda: RED_PDF.replace(b"/Catalog", b"/Catalog/OpenAction<</S/JavaScript/JS(while(1);)>>"),
        (320, 214), (255, 0, 0)),
}  # fmt: skip

#: What has none: the bytes and what the log says, as one of these.
NOT_RENDERED: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "empty": (lambda: b"", {"UnidentifiedImageError"}),
    "text": (lambda: b"hello", {"UnidentifiedImageError"}),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', {"UnidentifiedImageError"}),
    "PostScript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
                   {"UnidentifiedImageError"}),
    "the PDF of another type": (lambda: RED_PDF, {"UnidentifiedImageError"}),
    "truncated JPEG": (lambda: encoded(halves(900, 900), "JPEG")[:5000], {"OSError"}),
    "truncated PNG": (lambda: encoded(Image.effect_noise((99, 99), 9), "PNG")[:3000],
                      {"OSError", "SyntaxError"}),
    "only the beginning": (lambda: encoded(halves(), "PNG")[:20],
                           {"UnidentifiedImageError", "SyntaxError", "OSError"}),
    "truncated WebP": (lambda: encoded(halves(900, 900), "WEBP")[:200],
                       {"UnidentifiedImageError", "OSError"}),
    "truncated AVIF": (lambda: encoded(halves(900, 900), "AVIF")[:300],
                       {"UnidentifiedImageError", "OSError", "ValueError"}),
    "truncated HEIC": (lambda: encoded(halves(900, 900), "HEIF")[:300],
                       {"UnidentifiedImageError", "OSError", "ValueError", "RuntimeError"}),
    "a pixel bomb": (pixel_bomb, {"TooManyPixels"}),
    "a bomb in 1 bit": (lambda: png(2**31 - 1, 2**31 - 1, chunk(b"IDAT", b""), depth=1, colour=0),
                        {"TooManyPixels", "UnidentifiedImageError"}),
    "a bomb in a comment": (text_bomb, {"ValueError", "UnidentifiedImageError"}),
    "no width": (lambda: png(0, 9, chunk(b"IDAT", b"")), {"UnidentifiedImageError"}),
}  # fmt: skip

NOT_RENDERED_PDFS: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "empty": (lambda: b"", {"PdfiumError"}),
    "text": (lambda: b"hello", {"PdfiumError"}),
    "an image": (lambda: encoded(halves(), "PNG"), {"PdfiumError"}),
    "encrypted": (encrypted_pdf, {"PdfiumError"}),
    "no pages": (lambda: pdf(pages=0), {"PdfiumError", "IndexError"}),
    "truncated": (lambda: RED_PDF[:60], {"PdfiumError"}),
}
