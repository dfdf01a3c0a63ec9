"""Beginnings of real files, as small as they can be."""

from __future__ import annotations

import io
import struct
import wave
import zipfile
import zlib


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\0")
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def bmp() -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 58, 0, 0, 54, 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0)


def wav() -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\0\0" * 8)
    return target.getvalue()


def archive(**files: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as out:
        for name, text in files.items():
            out.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return target.getvalue()


def box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + kind + data


def ftyp(brand: bytes, *compatible: bytes) -> bytes:
    return box(b"ftyp", brand + b"\0\0\2\0" + b"".join(compatible)) + box(b"mdat", bytes(16))


def riff(kind: bytes, data: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(data)) + kind + data


JPEG = bytes.fromhex("ffd8ffe000104a46494600010101004800480000ffdb004300") + b"\x08" * 64
GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
EBML = b"\x1aE\xdf\xa3\xa3B\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82"
ID3 = b"ID3\3\0\0\0\0\0\x0aTIT2\0\0\0\0\0\0"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'

DOCTYPE = (
    b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
    b'"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [<!ENTITY a "b">]>\n'
)

HTML = b"<!DOCTYPE html>\n<html><body>hello</body></html>"
ZIP = archive(a="hello")
DOCX = archive(word__document_xml="<w/>")
ODT = archive(mimetype="application/vnd.oasis.opendocument.text", content_xml="<o/>")
TYPESCRIPT = b"#!/usr/bin/env node\nexport const a: number = 1;\n"
PE = b"MZ\x90\0" + bytes(56) + struct.pack("<I", 0x80) + bytes(64) + b"PE\0\0\x64\x86"
FAR_PE = b"MZ\x90\0" + bytes(56) + struct.pack("<I", 0x2000) + bytes(5000)
