"""Media types: their spelling, which are allowed, and which the browser may show."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.rules import ANY, allowing
from tests.support.processes import ROOT
from uploads.core import media_types, previews, type_lists
from uploads.core.errors import InvalidRequest, TypeNotAllowed

#: The one spelling that botocore leaves out of a signature.
UNSIGNED = "application/x-www-form-urlencoded; charset=utf-8"

SPELLINGS = {
    "as it is": ("image/png", "image/png"),
    "upper case": ("IMAGE/PNG", "image/png"),
    "spaces around": ("  image/png ", "image/png"),
    "a space before the parameter": ("text/plain; charset=utf-8", "text/plain;charset=utf-8"),
    "spaces on both sides": ("text/plain ;  charset=utf-8", "text/plain;charset=utf-8"),
    "the case of a value stays": ("text/plain;x=ABC", "text/plain;x=ABC"),
    "two parameters": ("a/b; c=d ;e=f", "a/b;c=d;e=f"),
    "a quoted value stays": ('a/b; c="d ; e"', 'a/b;c="d ; e"'),
    "quoted values on both sides": ('a/b; c="; "; d="; "', 'a/b;c="; ";d="; "'),
    "an empty quoted value": ('a/b; c=""', 'a/b;c=""'),
    "a suffix": ("image/svg+xml", "image/svg+xml"),
    "dots": (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "a form": (UNSIGNED, "application/x-www-form-urlencoded;charset=utf-8"),
    "none": (None, "application/octet-stream"),
    "empty": ("", "application/octet-stream"),
    "blank": ("  ", "application/octet-stream"),
    "255 characters": ("a/" + "b" * 253, "a/" + "b" * 253),
    "an empty parameter": ("text/plain;", "text/plain"),
    "an empty parameter and space": ("text/plain ; ", "text/plain"),
    "empty parameters around another": (
        "text/plain;; charset=utf-8 ;;",
        "text/plain;charset=utf-8",
    ),
    "an escaped quote stays": ('a/b; c="d\\"; e"', 'a/b;c="d\\"; e"'),
    "an escaped backslash stays": ('a/b; c="d\\\\"; e=f', 'a/b;c="d\\\\";e=f'),
    "an asterisk in a parameter": ("a/b;c*=utf-8''d", "a/b;c*=utf-8''d"),
}


@pytest.mark.parametrize(("given_type", "spelling"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_type_is_normalised(given_type: str | None, spelling: str) -> None:
    assert media_types.check_type(given_type, ANY) == spelling


@pytest.mark.parametrize(("given_type", "spelling"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_the_normalised_type_is_stable(given_type: str | None, spelling: str) -> None:
    assert media_types.check_type(spelling, ANY) == spelling


@given(
    st.from_regex(
        re.compile(
            r"\s{0,3}application/x-www-form-urlencoded\s{0,3};\s{0,3}charset=utf-8\s{0,3}", re.I
        ),
        fullmatch=True,
    )
)
def test_every_spelling_of_the_form_type_is_normalised_to_a_signed_one(
    given_type: str,
) -> None:
    assert media_types.check_type(given_type, ANY) != UNSIGNED


NOT_TYPES = {
    "a word": "png",
    "no subtype": "image/",
    "no type": "/png",
    "two slashes": "image/png/x",
    "a header after it": "text/plain\r\nX: y",
    "a header after a parameter": "text/plain;a=b\r\nX: y",
    "a header in a quoted value": 'text/plain;a="b\r\nX: y"',
    "a newline in the subtype": "text/pl\nain",
    "a null": "text/plain\0",
    "a parameter without a value": "text/plain;charset",
    "a parameter without a name": "text/plain;=utf-8",
    "an empty value": "text/plain; charset=",
    "an empty value, and a parameter": "text/plain; charset=; a=b",
    "space before the value": "text/plain; charset= utf-8",
    "space before the equals sign": "text/plain; charset =utf-8",
    "only parameters": ";charset=utf-8",
    "a range": "image/*",
    "a range of everything": "*/*",
    "a range of types": "*/png",
    "a range with a parameter": "image/*;q=0.8",
    "an asterisk in a subtype": "image/p*g",
    "an asterisk alone": "*",
    "a quote that is escaped and so open": 'a/b;c="d\\"',
    "an open quote": 'text/plain;a="b',
    "a list": "text/plain, text/html",
    "accents": "text/plaïn",
    "accents in a quoted value": 'text/plain;a="é"',
    "a lone surrogate": "text/plain\ud800",
    "a lone surrogate in a quoted value": 'text/plain;a="\ud800"',
    "256 characters": "a/" + "b" * 254,
    "a very long one": "a/b" + ";c=d" * 100_000,
    "much that could be matched in many ways": "a/b" + "; " * 120 + "c=",
    "much space": "a/b" + " ;  " * 60 + "c",
}


@pytest.mark.parametrize("text", NOT_TYPES.values(), ids=NOT_TYPES.keys())
def test_an_invalid_media_type_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        media_types.check_type(text, ANY)
    assert caught.value.code == "invalid_content_type"


def test_an_emoji_in_a_quoted_value_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        media_types.check_type('text/plain;a="😀"', ANY)


@given(st.text(st.characters(max_codepoint=0xFFFF)))
def test_a_random_type_becomes_printable_ascii_or_is_refused(text: str) -> None:
    try:
        spelling = media_types.check_type(text, ANY)
    except InvalidRequest:
        return
    assert spelling.isascii()
    assert spelling.isprintable()


RANGES = {
    "everything": ("image/png", ("*",), True),
    "everything, written out": ("image/png", ("*/*",), True),
    "the type itself": ("image/png", ("image/png",), True),
    "its group": ("image/png", ("image/*",), True),
    "the second of two": ("image/png", ("text/plain", "image/*"), True),
    "another case": ("IMAGE/PNG", ("image/png",), True),
    "with a parameter": ("text/plain;charset=utf-8", ("text/plain",), True),
    "another type": ("image/png", ("image/jpeg",), False),
    "another group": ("image/png", ("text/*",), False),
    "a longer subtype": ("image/pngx", ("image/png",), False),
    "a group that only begins so": ("imagex/png", ("image/*",), False),
    "no range at all": ("image/png", (), False),
    "a range in a parameter": ("text/html;a=image/png", ("image/png",), False),
}


@pytest.mark.parametrize(("text", "allowed", "is_allowed"), RANGES.values(), ids=RANGES.keys())
def test_a_type_is_allowed_when_one_of_the_ranges_covers_it(
    text: str, allowed: tuple[str, ...], is_allowed: bool
) -> None:
    assert media_types.is_type_allowed(text, allowed) is is_allowed


def test_the_error_for_a_type_outside_the_ranges_names_the_ranges() -> None:
    with pytest.raises(TypeNotAllowed, match=r"text/html .* Accepted: image/\*, text/plain\.$"):
        media_types.check_type("text/html", allowing("image/*", "text/plain"))


def test_an_empty_type_is_checked_against_the_ranges_too() -> None:
    with pytest.raises(TypeNotAllowed):
        media_types.check_type("", allowing("image/*"))


SHOWN = [
    "image/png", "image/jpeg", "IMAGE/PNG", "image/webp", "image/jpg", "image/pjpeg", "image/x-png",
    "image/vnd.microsoft.icon", "image/avif", "image/apng", "image/gif", "image/bmp",
    "application/pdf", "application/pdf;version=1.4", "audio/mpeg", "audio/mp3", "audio/x-m4a",
    "audio/x-wav", "audio/ogg", "audio/flac", "audio/opus", "video/mp4", "video/webm",
    "video/x-m4v", "video/quicktime", "text/plain", "text/plain;charset=utf-8",
    " text/plain ; charset=latin1",
]  # fmt: skip

#: They may run script, or be a list of addresses for the browser to fetch, or are not displayed.
NOT_SHOWN = [
    "image/svg+xml", "IMAGE/SVG+XML", "image/svg+xml;charset=utf-8", "image/svg", "text/html",
    "text/html;charset=utf-8", " text/html", "application/xhtml+xml", "text/xml", "application/xml",
    "application/rss+xml", "application/xslt+xml", "text/xsl", "text/javascript",
    "application/javascript", "text/css", "text/plainx", "image/pngx", "image/*", "*/*",
    "application/octet-stream", "application/x-shockwave-flash", "multipart/x-mixed-replace",
    "text/html;image/png", "", "audio/mpegurl", "audio/x-mpegurl", "AUDIO/X-MPEGURL",
    "application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/x-scpls", "video/x-ms-asf",
    "video/x-ms-asx", "audio/x-ms-wax", "video/x-ms-wvx", "audio/x-pn-realaudio",
    "audio/x-pn-realaudio-plugin", "application/dash+xml", "application/smil+xml",
    "application/xspf+xml", "video/vnd.mpegurl", "video/x-mpegurl", "application/metalink+xml",
    "text/uri-list", "audio/x-it", "audio/x-mod", "video/mp2t", "video/x-flv", "image/tiff",
    "image/x-xbitmap", "image/heic", "application/x-pdf", "image/pdf", "message/rfc822",
    "multipart/related", "application/mathml+xml", "image/png,text/html", "text/plain,text/html",
]  # fmt: skip


@pytest.mark.parametrize("content_type", SHOWN)
def test_a_type_that_runs_no_script_and_fetches_nothing_is_shown(content_type: str) -> None:
    assert media_types.is_safe_inline(content_type)


@pytest.mark.parametrize("content_type", NOT_SHOWN)
def test_any_other_type_is_not_shown(content_type: str) -> None:
    assert not media_types.is_safe_inline(content_type)
    assert previews.showing(content_type, 1).kind in {None, "text"}


#: What Windows, macOS, Linux and browsers call files, by kind.
GROUPS = {
    "image": "image/png image/pjpeg image/x-ms-bmp image/svg+xml image/heic image/vnd.djvu "
    "image/vnd.adobe.photoshop application/x-photoshop application/illustrator application/dicom "
    "image/x-canon-cr2 image/x-xcf application/psd image/x-psd application/vnd.adobe.illustrator "
    "application/x-targa application/x-msmetafile application/dxf application/acad "
    "application/fits",
    "video": "video/mp4 video/x-ms-wmv video/x-ms-asf video/vnd.dlna.mpeg-tts video/x-msvideo "
    "video/avi video/mp2t video/3gpp application/vnd.ms-asf application/vnd.rn-realmedia "
    "application/mxf application/x-flash-video flv-application/octet-stream",
    "audio": "application/m3u application/pls audio/ogg audio/x-ms-wma audio/x-it audio/mid "
    "audio/x-m4a application/ogg audio/x-mpegurl application/vnd.apple.mpegurl audio/vnd.dlna.adts",
    "pdf": "application/pdf application/x-pdf APPLICATION/PDF",
    "archive": "application/zip application/x-zip-compressed application/x-rar application/x-tar "
    "application/x-rar-compressed application/vnd.rar application/x-7z-compressed application/gzip "
    "application/x-gzip application/x-compressed-tar application/x-bzip-compressed-tar "
    "application/x-xz application/x-xz-compressed-tar application/zstd application/java-archive "
    "application/vnd.android.package-archive application/x-apple-diskimage application/x-deb "
    "application/vnd.debian.binary-package application/x-rpm application/x-iso9660-image "
    "application/x-cd-image application/vnd.ms-cab-compressed application/x-gzip-compressed "
    "application/x-7z application/x-compressed-zip application/vnd.comicbook+rar application/x-cbt "
    "application/x-source-rpm application/vnd.apple.installer+xml application/x-cpio-compressed",
    "text": "text/plain text/plain;charset=utf-8 text/csv text/markdown text/x-markdown text/x-log "
    "text/calendar text/vcard text/tab-separated-values text/x-readme text/vtt "
    "application/x-subrip message/rfc822 text/troff text/srt application/srt text/x-rst "
    "text/x-asciidoc text/x-tsv application/x-troff-man application/x-sami",
    "document": "application/msword application/vnd.ms-excel application/vnd.ms-powerpoint "
    "application/vnd.ms-excel.sheet.macroEnabled.12 "
    "application/vnd.ms-word.template.macroenabled.12 "
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document application/rtf "
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet text/rtf "
    "application/vnd.oasis.opendocument.text application/vnd.oasis.opendocument.text-flat-xml "
    "application/epub+zip application/x-mobipocket-ebook application/vnd.apple.pages "
    "application/x-iwork-numbers-sffnumbers application/vnd.ms-publisher application/postscript "
    "application/vnd.ms-outlook application/vnd.visio application/x-msaccess "
    "application/vnd.ms-project application/vnd.ms-xpsdocument application/x-hwp "
    "application/vnd.haansoft-hwp application/mspowerpnt application/x-msworks "
    "application/msaccess application/x-cdr image/cdr application/x-wordperfect application/dbase "
    "application/x-fictionbook application/eps image/eps application/msword-template "
    "application/x-mobi8-ebook application/vnd.framemaker",
    "code": "text/html text/css text/javascript application/javascript application/x-javascript "
    "application/json APPLICATION/JSON application/ld+json application/xml text/xml text/x-python "
    "text/x-csrc text/x-java application/x-sh application/x-shellscript application/x-php "
    "text/vnd.trolltech.linguist application/x-yaml application/toml application/sql text/x-sql "
    "application/xhtml+xml application/x-ipynb+json application/x-perl text/rust text/x-makefile "
    "text/scss text/less application/gpx application/geojson application/x-jsonl "
    "application/vnd.coffeescript",
    "other": "application/octet-stream application/x-ms-dos-executable application/x-msdownload "
    "application/x-msdos-program application/vnd.microsoft.portable-executable application/x-msi "
    "application/x-ms-shortcut application/x-ms-wim application/x-executable font/woff2 "
    "application/x-bittorrent application/vnd.sqlite3 application/vnd.ms-fontobject "
    "application/vnd.ms-pki.stl application/vnd.ms-tnef model/stl x-conference/x-cooltalk nonsense "
    "application/vnd.ms-htmlhelp",
}


@pytest.mark.parametrize("kind", GROUPS)
def test_types_have_the_kind_of_what_clients_send_them_for(kind: str) -> None:
    kinds = {content_type: media_types.kind(content_type) for content_type in GROUPS[kind].split()}
    assert kinds == dict.fromkeys(kinds, kind)


def test_a_missing_type_is_of_no_kind() -> None:
    assert media_types.kind("") == "other"


def test_the_lists_are_consistent() -> None:
    """Groups are looked up by the usual spelling, in lower case."""
    listed = {*type_lists.BY_TYPE, *type_lists.ALIASES, *type_lists.ALIASES.values()}
    assert listed == {media_types.check_type(content_type, ANY) for content_type in listed}
    assert set(type_lists.ALIASES) & set(type_lists.ALIASES.values()) == set()
    assert set(type_lists.ALIASES) & set(type_lists.BY_TYPE) == set()
    assert set(type_lists.BY_TYPE.values()) <= set(type_lists.KINDS)


# Other spellings, where types are restricted

CASES = json.loads((ROOT / "tests/shared/types.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["allowed"][0] for case in CASES])
def test_other_spellings_of_an_allowed_type_are_allowed(case: dict[str, list[str]]) -> None:
    allowed = tuple(case["allowed"])
    assert [t for t in case["accepted"] if not media_types.is_type_allowed(t, allowed)] == []
    assert [t for t in case["refused"] if media_types.is_type_allowed(t, allowed)] == []


@pytest.mark.parametrize("case", CASES, ids=[case["allowed"][0] for case in CASES])
def test_the_page_gets_all_spellings(case: dict[str, list[str]]) -> None:
    """limits.test.js tests the page's comparison with what the page gets."""
    assert list(media_types.with_aliases(tuple(case["allowed"]))) == case["for the page"]


# What the page declares for what the browser says

DECLARED = json.loads((ROOT / "tests/shared/declared-types.json").read_text())


@pytest.mark.parametrize(("type_", "declared"), DECLARED)
def test_what_the_page_declares_is_accepted(type_: str, declared: str) -> None:
    """file-type.test.js tests that the page declares it."""
    assert media_types.check_type(declared, ANY)
    if declared == media_types.DEFAULT_TYPE and type_:
        with pytest.raises(InvalidRequest):
            media_types.check_type(type_, ANY)


# Text

AS_TEXT = {
    "text/plain": "utf-8",
    "text/plain;charset=utf-8": "utf-8",
    "text/plain;charset=iso-8859-1": "iso-8859-1",
    "text/plain; charset=ISO-8859-1": "ISO-8859-1",
    'text/plain;charset="windows-1252"': "windows-1252",
    "text/plain;CHARSET=koi8-r": "koi8-r",
    "text/plain;format=flowed;charset=Shift_JIS": "Shift_JIS",
    "text/csv;header=present;charset=utf-16le;": "utf-16le",
    # What Java, Outlook, old web servers and macOS call encodings that browsers know.
    "text/plain;charset=windows-31j": "windows-31j",
    "text/plain;charset=x-sjis": "x-sjis",
    "text/plain;charset=windows-874": "windows-874",
    "text/plain;charset=iso-8859-8-i": "iso-8859-8-i",
    "text/plain;charset=KS_C_5601-1989": "KS_C_5601-1989",
    "text/plain;charset=windows-949": "windows-949",
    "text/plain;charset=x-mac-cyrillic": "x-mac-cyrillic",
    "text/plain;charset=x-gbk": "x-gbk",
    "text/plain;charset=unicode": "unicode",
    "text/plain;charset='iso-8859-2'": "iso-8859-2",
    'text/plain;charset="iso\\-8859-2"': "iso-8859-2",
    # Browsers would guess.
    "text/plain;charset=utf-7": "utf-8",
    "text/plain;charset=utf-32": "utf-8",
    "text/plain;charset=cp850": "utf-8",
    "text/plain;charset=cp037": "utf-8",
    "text/plain;charset=utf_8": "utf-8",
    "text/plain;charset=rot13": "utf-8",
    "text/plain;charset=unicode_escape": "utf-8",
    # Browsers would show one character in place of the text.
    "text/plain;charset=iso-2022-kr": "utf-8",
    'text/plain;charset=" latin1"': "utf-8",
    "text/html;charset=euc-kr": "euc-kr",
    "application/json": "utf-8",
    "text/plain;charset=nonsense": "utf-8",
    'text/plain;charset=""': "utf-8",
    'text/plain;charset="utf-8; a=b"': "utf-8",
    'text/plain;charset="a\\"b"': "utf-8",
    "text/plain;charset=latin1;charset=utf-8": "latin1",
    "text/plain;charset": "utf-8",
    "text/plain;charset=" + "x" * 200: "utf-8",
    "": "utf-8",
}


@pytest.mark.parametrize(("content_type", "charset"), AS_TEXT.items())
def test_text_is_shown_in_its_declared_encoding(content_type: str, charset: str) -> None:
    assert media_types.as_plain_text(content_type) == f"text/plain; charset={charset}"


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("image/jpeg", "image"), ("image/jpg", "image"), ("IMAGE/PNG; a=b", "image"),
        ("image/heic-sequence", "image"), ("image/x-ms-bmp", "image"), ("image/avif", "image"),
        ("image/vnd.microsoft.icon", "image"), ("image/tif", "image"), ("image/gif", "image"),
        ("application/pdf", "pdf"), ("application/x-pdf", "pdf"), ("image/pdf", "pdf"),
        ("image/svg+xml", None), ("image/svg", None), ("image/x-portable-pixmap", None),
        ("image/vnd.adobe.photoshop", None), ("application/photoshop", None), ("image/*", None),
        ("application/postscript", None), ("image/x-eps", None), ("text/html", None),
        ("video/mp4", None), ("application/octet-stream", None), ("", None), ("image/", None),
    ],
)  # fmt: skip
def test_only_known_images_and_pdfs_have_thumbnails(content_type: str, kind: str | None) -> None:
    assert media_types.thumbnail_kind(content_type) == kind
