"""Lists of media types (pure): other spellings of a type, and the group that a type belongs to.

Clients do not send registered types. A browser sends what its operating system calls a file, by the
file's extension. These lists have been collected from the tables that browsers read: Chromium's
net/base/mime_util.cc, the Windows registry, Apple's uniform type identifiers, and on Linux the
shared MIME database of freedesktop.org with its aliases.

No maintained Python library has them: those on PyPI map extensions to types, most of them from the
registry of IANA, and none knows other spellings of a type or what kind of file it is.
"""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal["image", "video", "audio", "pdf", "archive", "text", "document", "code", "other"]

KINDS: tuple[Kind, ...] = get_args(Kind)

# The usual spelling, and others of the same type.
_SPELLINGS: dict[str, str] = {
    "application/gzip": """
        application/gzip-compressed application/gzipped application/x-gunzip application/x-gzip
    """,
    "application/json": """
        application/x-json text/json text/x-json
    """,
    "application/msword": """
        application/doc application/vnd.ms-word application/vnd.msword application/x-msword
    """,
    "application/ogg": """
        application/x-ogg
    """,
    "application/pdf": """
        application/acrobat application/x-pdf image/pdf text/pdf text/x-pdf
    """,
    "application/rtf": """
        application/x-rtf text/rtf
    """,
    "application/sql": """
        application/x-sql text/x-sql
    """,
    "application/vnd.ms-excel": """
        application/excel application/msexcel application/x-excel application/x-ms-excel
        application/x-msexcel application/xls
    """,
    "application/vnd.ms-powerpoint": """
        application/mspowerpoint application/powerpoint application/x-mspowerpoint
    """,
    "application/vnd.rar": """
        application/rar application/x-rar application/x-rar-compressed
    """,
    "application/x-7z-compressed": """
        application/7z application/x-7zip
    """,
    "application/x-bzip2": """
        application/bzip2 application/x-bz2 application/x-bzip
    """,
    "application/x-java-archive": """
        application/java-archive application/x-jar
    """,
    "application/x-msdownload": """
        application/dos-exe application/exe application/vnd.microsoft.portable-executable
        application/x-dosexec application/x-exe application/x-ms-dos-executable
        application/x-msdos-program application/x-winexe
    """,
    "application/x-stuffit": """
        application/stuffit application/x-sit
    """,
    "application/x-subrip": """
        application/x-srt
    """,
    "application/x-tar": """
        application/tar application/x-gtar application/x-ustar
    """,
    "application/xml": """
        application/x-xml text/xml
    """,
    "application/yaml": """
        application/x-yaml text/x-yaml text/yaml
    """,
    "application/zip": """
        application/x-zip application/x-zip-compressed application/zip-compressed
        multipart/x-zip
    """,
    "audio/aac": """
        audio/aacp audio/vnd.dlna.adts audio/x-aac audio/x-hx-aac-adts
    """,
    "audio/aiff": """
        audio/x-aiff
    """,
    "audio/flac": """
        audio/x-flac
    """,
    "audio/midi": """
        audio/mid audio/sp-midi audio/x-mid audio/x-midi
    """,
    "audio/mp4": """
        audio/m4a audio/mp4a-latm audio/x-m4a
    """,
    "audio/mpeg": """
        audio/mp3 audio/mpeg3 audio/mpegaudio audio/mpg audio/x-mp3 audio/x-mpeg audio/x-mpeg-3
        audio/x-mpg
    """,
    "audio/ogg": """
        audio/vorbis audio/x-ogg audio/x-opus+ogg audio/x-vorbis audio/x-vorbis+ogg
    """,
    "audio/wav": """
        audio/vnd.wave audio/wave audio/x-pn-wav audio/x-wav
    """,
    "image/apng": """
        image/vnd.mozilla.apng
    """,
    "image/bmp": """
        image/ms-bmp image/x-bmp image/x-ms-bmp
    """,
    "image/heic": """
        image/heic-sequence
    """,
    "image/heif": """
        image/heif-sequence
    """,
    "image/jp2": """
        image/jpeg2000 image/x-jp2
    """,
    "image/jpeg": """
        image/jpe image/jpg image/pjpeg image/x-jpeg image/x-jpg
    """,
    "image/png": """
        image/x-png
    """,
    "image/svg+xml": """
        image/svg image/svg-xml
    """,
    "image/tiff": """
        image/tif image/x-tif image/x-tiff
    """,
    "image/webp": """
        image/x-webp
    """,
    "image/x-icon": """
        application/ico image/ico image/icon image/vnd.microsoft.icon text/ico
    """,
    "text/calendar": """
        application/ics text/x-vcalendar
    """,
    "text/csv": """
        application/csv application/x-csv text/comma-separated-values
        text/x-comma-separated-values text/x-csv
    """,
    "text/javascript": """
        application/ecmascript application/javascript application/x-javascript text/ecmascript
        text/x-javascript
    """,
    "text/markdown": """
        text/x-markdown text/x-web-markdown
    """,
    "text/vcard": """
        text/directory text/x-vcard
    """,
    "video/mp2t": """
        video/vnd.dlna.mpeg-tts
    """,
    "video/mp4": """
        video/m4v video/mp4v-es video/x-m4v video/x-mp4
    """,
    "video/mpeg": """
        video/mpeg-system video/mpg video/x-mpeg video/x-mpeg-system video/x-mpg
    """,
    "video/ogg": """
        video/theora video/x-ogg video/x-theora video/x-theora+ogg
    """,
    "video/quicktime": """
        video/x-quicktime
    """,
    "video/webm": """
        video/x-webm
    """,
    "video/x-matroska": """
        video/matroska
    """,
    "video/x-ms-wmv": """
        video/wmv
    """,
    "video/x-msvideo": """
        video/avi video/divx video/msvideo video/vnd.avi
    """,
}

#: Another spelling -> the usual one.
ALIASES = {alias: usual for usual, aliases in _SPELLINGS.items() for alias in aliases.split()}

# Types whose group does not follow from the rules in `media_types.kind`.
_GROUPS: dict[Kind, str] = {
    "image": """
        application/dicom application/illustrator application/photoshop
        application/vnd.adobe.photoshop application/x-krita application/x-photoshop
        application/x-xcf
    """,
    "video": """
        application/mp4 application/mxf application/vnd.ms-asf application/vnd.rn-realmedia
        application/x-matroska
    """,
    "audio": """
        application/ogg application/vnd.apple.mpegurl application/x-mpegurl
    """,
    "pdf": """
        application/pdf
    """,
    "archive": """
        application/gzip application/vnd.android.package-archive application/vnd.comicbook+zip
        application/vnd.comicbook-rar application/vnd.debian.binary-package
        application/vnd.efi.iso application/vnd.ms-cab-compressed application/vnd.rar
        application/x-7z-compressed application/x-ace application/x-ace-compressed
        application/x-alz application/x-apple-diskimage application/x-ar application/x-archive
        application/x-arj application/x-brotli application/x-bzip2 application/x-cab
        application/x-cbr application/x-cbz application/x-cd-image application/x-compress
        application/x-compressed application/x-cpio application/x-deb
        application/x-debian-package application/x-iso9660-image application/x-java-archive
        application/x-lha application/x-lrzip application/x-lz4 application/x-lzh-compressed
        application/x-lzip application/x-lzma application/x-lzop application/x-raw-disk-image
        application/x-redhat-package-manager application/x-rpm application/x-shar
        application/x-stuffit application/x-stuffitx application/x-tar application/x-tgz
        application/x-xz application/x-zoo application/x-zstd application/zip application/zlib
        application/zstd
    """,
    "text": """
        application/mbox application/pgp-keys application/pgp-signature application/ttml+xml
        application/x-nfo application/x-subrip message/global message/rfc822
    """,
    "document": """
        application/epub+zip application/haansofthwp application/msword application/onenote
        application/oxps application/postscript application/rtf application/vnd.amazon.ebook
        application/vnd.amazon.mobi8-ebook application/vnd.apple.keynote
        application/vnd.apple.numbers application/vnd.apple.pages application/vnd.corel-draw
        application/vnd.hancom.hwp application/vnd.lotus-1-2-3 application/vnd.lotus-wordpro
        application/vnd.ms-access application/vnd.ms-excel application/vnd.ms-officetheme
        application/vnd.ms-outlook application/vnd.ms-powerpoint application/vnd.ms-project
        application/vnd.ms-publisher application/vnd.ms-visio application/vnd.ms-works
        application/vnd.ms-xpsdocument application/vnd.visio application/vnd.wordperfect
        application/wordperfect application/x-abiword application/x-aportisdoc application/x-dbf
        application/x-dvi application/x-fictionbook+xml application/x-gnumeric application/x-hwp
        application/x-iwork-keynote-sffkey application/x-iwork-numbers-sffnumbers
        application/x-iwork-pages-sffpages application/x-mobipocket-ebook application/x-msaccess
        application/x-mspublisher application/x-mswrite application/x-quattropro
        application/x-scribus application/x-sylk application/xps text/richtext text/spreadsheet
    """,
    "code": """
        application/bat application/dart application/graphql application/json application/json5
        application/jsonl application/n-quads application/n-triples application/ndjson
        application/php application/relax-ng-compact-syntax application/sieve
        application/sparql-query application/sql application/toml application/trig
        application/typescript application/x-awk application/x-bat application/x-csh
        application/x-dart application/x-designer application/x-desktop application/x-glade
        application/x-httpd-php application/x-jsonlines application/x-latex application/x-m4
        application/x-msdos-batch application/x-ndjson application/x-perl application/x-php
        application/x-powershell application/x-python application/x-python-code
        application/x-ruby application/x-sh application/x-shellscript application/x-tcl
        application/x-tex application/x-typescript application/xml application/xml-dtd
        application/xml-external-parsed-entity application/yaml text/cache-manifest text/css
        text/html text/javascript text/jscript text/jsx text/julia text/n3 text/php text/qml
        text/rust text/sgml text/tsx text/turtle text/typescript text/vnd.graphviz
        text/vnd.trolltech.linguist
    """,
}

#: A type -> its group.
BY_TYPE: dict[str, Kind] = {
    type_: kind for kind, types in _GROUPS.items() for type_ in types.split()
}

#: Most `text/x-…` are source code. These are text that people read.
PLAIN_TEXT = frozenset(
    f"text/x-{name}"
    for name in (
        "authors", "bibtex", "changelog", "copying", "credits", "install", "iptables", "log",
        "microdvd", "mpsub", "mrml", "nfo", "opml", "readme", "ssa", "subviewer", "texinfo",
        "troff", "troff-me", "troff-mm", "troff-ms", "uri", "uuencode", "vnote",
    )
)  # fmt: skip
