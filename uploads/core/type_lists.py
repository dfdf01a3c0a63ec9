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
    "application/geo+json": """
        application/geojson
    """,
    "application/gpx+xml": """
        application/gpx application/x-gpx
    """,
    "application/gzip": """
        application/gzip-compressed application/gzipped application/x-gunzip application/x-gzip
        application/x-gzip-compressed
    """,
    "application/illustrator": """
        application/vnd.adobe.illustrator
    """,
    "application/json": """
        application/x-json text/json text/x-json
    """,
    "application/msword": """
        application/doc application/vnd.ms-word application/vnd.msword application/x-msword
    """,
    "application/ndjson": """
        application/jsonl application/jsonlines application/x-jsonl application/x-jsonlines
        application/x-ndjson
    """,
    "application/ogg": """
        application/x-ogg
    """,
    "application/pdf": """
        application/acrobat application/x-pdf image/pdf text/pdf text/x-pdf
    """,
    "application/postscript": """
        application/eps application/x-eps image/eps image/x-eps
    """,
    "application/rtf": """
        application/x-rtf text/rtf
    """,
    "application/sql": """
        application/x-sql text/x-sql
    """,
    "application/vnd.comicbook-rar": """
        application/vnd.comicbook+rar
    """,
    "application/vnd.corel-draw": """
        application/cdr application/coreldraw application/x-cdr application/x-coreldraw image/cdr
        image/x-cdr
    """,
    "application/vnd.lotus-1-2-3": """
        application/lotus123 application/wk1 application/x-123 application/x-lotus123
    """,
    "application/vnd.ms-access": """
        application/mdb application/msaccess application/vnd.msaccess application/x-mdb
        application/x-msaccess
    """,
    "application/vnd.ms-excel": """
        application/excel application/msexcel application/x-excel application/x-ms-excel
        application/x-msexcel application/xls
    """,
    "application/vnd.ms-powerpoint": """
        application/mspowerpnt application/mspowerpoint application/powerpoint
        application/x-mspowerpoint
    """,
    "application/vnd.ms-publisher": """
        application/x-mspublisher
    """,
    "application/vnd.ms-works": """
        application/x-msworks
    """,
    "application/vnd.rar": """
        application/rar application/x-rar application/x-rar-compressed
    """,
    "application/vnd.rn-realmedia": """
        application/vnd.rn-realmedia-vbr
    """,
    "application/vnd.wordperfect": """
        application/wordperfect application/x-wordperfect
    """,
    "application/x-7z-compressed": """
        application/7z application/x-7z application/x-7zip
    """,
    "application/x-bzip2": """
        application/bzip2 application/x-bz2 application/x-bzip
    """,
    "application/x-dbf": """
        application/dbase application/dbf application/x-dbase
    """,
    "application/x-fictionbook+xml": """
        application/x-fictionbook
    """,
    "application/x-hwp": """
        application/haansofthwp application/vnd.haansoft-hwp application/vnd.hancom.hwp
    """,
    "application/x-java-archive": """
        application/java-archive application/x-jar
    """,
    "application/x-mobipocket-ebook": """
        application/vnd.amazon.mobi8-ebook application/x-mobi8-ebook
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
        application/srt application/x-srt text/srt text/x-srt
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
        application/x-compressed-zip application/x-zip application/x-zip-compressed
        application/zip-compressed multipart/x-zip
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
    "audio/x-mpegurl": """
        application/m3u audio/m3u
    """,
    "audio/x-scpls": """
        application/pls audio/scpls
    """,
    "image/apng": """
        image/vnd.mozilla.apng
    """,
    "image/bmp": """
        image/ms-bmp image/x-bmp image/x-ms-bmp
    """,
    "image/emf": """
        application/emf application/x-emf image/x-emf
    """,
    "image/fits": """
        application/fits image/x-fits
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
    "image/vnd.adobe.photoshop": """
        application/photoshop application/psd application/vnd.adobe.photoshop
        application/x-photoshop image/photoshop image/psd image/x-photoshop image/x-psd
    """,
    "image/vnd.dwg": """
        application/acad application/autocad_dwg application/dwg application/x-acad
        application/x-autocad application/x-dwg drawing/dwg image/x-dwg
    """,
    "image/vnd.dxf": """
        application/dxf application/x-dxf drawing/x-dxf image/x-dxf
    """,
    "image/webp": """
        image/x-webp
    """,
    "image/wmf": """
        application/wmf application/x-msmetafile application/x-wmf image/x-win-metafile image/x-wmf
    """,
    "image/x-icon": """
        application/ico image/ico image/icon image/vnd.microsoft.icon text/ico
    """,
    "image/x-tga": """
        application/tga application/x-targa application/x-tga image/targa image/tga image/x-targa
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
    "video/x-flv": """
        application/x-flash-video flv-application/octet-stream
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
        application/dicom application/illustrator application/x-krita application/x-xcf
    """,
    "video": """
        application/mp4 application/mxf application/vnd.ms-asf application/vnd.rn-realmedia
        application/x-matroska
    """,
    "audio": """
        application/ogg application/vnd.apple.mpegurl application/x-mpegurl application/x-shorten
    """,
    "pdf": """
        application/pdf
    """,
    "archive": """
        application/gzip application/ovf application/vnd.android.package-archive
        application/vnd.apple.installer+xml application/vnd.comicbook+zip
        application/vnd.comicbook-rar application/vnd.debian.binary-package application/vnd.efi.iso
        application/vnd.ms-cab-compressed application/vnd.rar application/vnd.snap
        application/vnd.squashfs application/x-7z-compressed application/x-ace
        application/x-ace-compressed application/x-alz application/x-apple-diskimage
        application/x-ar application/x-archive application/x-arj application/x-bcpio
        application/x-brotli application/x-bzip2 application/x-cab application/x-cb7
        application/x-cbr application/x-cbt application/x-cbz application/x-cd-image
        application/x-compress application/x-compressed application/x-compressed-iso
        application/x-cpio application/x-cpio-compressed application/x-dar application/x-deb
        application/x-debian-package application/x-iso9660-image application/x-java-archive
        application/x-java-pack200 application/x-lha application/x-lhz application/x-lrzip
        application/x-lz4 application/x-lzh application/x-lzh-compressed application/x-lzip
        application/x-lzma application/x-lzop application/x-qpress
        application/x-raw-disk-image application/x-raw-disk-image-xz-compressed
        application/x-redhat-package-manager application/x-rpm application/x-shar
        application/x-source-rpm application/x-stuffit application/x-stuffitx application/x-sv4cpio
        application/x-sv4crc application/x-tar application/x-tarz application/x-tgz
        application/x-tzo application/x-xar application/x-xz application/x-zip-compressed-fb2
        application/x-zoo application/x-zstd application/zip application/zlib application/zstd
    """,
    "text": """
        application/mbox application/pgp-keys application/pgp-signature application/ttml+xml
        application/x-gedcom application/x-nfo application/x-sami application/x-subrip
        application/x-troff application/x-troff-man message/global message/rfc822
    """,
    "document": """
        application/epub+zip application/msword application/msword-template application/onenote
        application/oxps application/postscript application/rtf
        application/vnd.adobe.indesign-idml-package application/vnd.amazon.ebook
        application/vnd.apple.keynote application/vnd.apple.numbers application/vnd.apple.pages
        application/vnd.corel-draw application/vnd.framemaker application/vnd.lotus-1-2-3
        application/vnd.lotus-wordpro application/vnd.ms-access application/vnd.ms-excel
        application/vnd.ms-officetheme application/vnd.ms-outlook application/vnd.ms-powerpoint
        application/vnd.ms-project application/vnd.ms-publisher application/vnd.ms-visio
        application/vnd.ms-works application/vnd.ms-xpsdocument application/vnd.openxmlformats
        application/vnd.visio application/vnd.wordperfect application/x-abiword application/x-amipro
        application/x-aportisdoc application/x-appleworks-document application/x-applix-spreadsheet
        application/x-applix-word application/x-bzpdf application/x-dbf application/x-dia-diagram
        application/x-dvi application/x-fictionbook+xml application/x-gnumeric application/x-gzpdf
        application/x-hwp application/x-indesign application/x-iwork-keynote-sffkey
        application/x-iwork-numbers-sffnumbers application/x-iwork-pages-sffpages application/x-lyx
        application/x-mif application/x-mobipocket-ebook application/x-mswrite
        application/x-pagemaker application/x-planperfect application/x-pocket-word
        application/x-quattropro application/x-scribus application/x-sylk application/x-t602
        application/x-xzpdf application/xps text/richtext text/spreadsheet
    """,
    "code": """
        application/bat application/dart application/graphql application/json application/json5
        application/n-quads application/n-triples application/ndjson application/php
        application/relax-ng-compact-syntax application/sieve application/sparql-query
        application/sql application/toml application/trig application/typescript
        application/vnd.coffeescript application/x-asp application/x-awk application/x-bat
        application/x-csh application/x-dart application/x-designer application/x-desktop
        application/x-glade application/x-httpd-php application/x-java-jnlp-file application/x-latex
        application/x-m4 application/x-msdos-batch application/x-perl application/x-php
        application/x-powershell application/x-python application/x-python-code application/x-ruby
        application/x-sh application/x-shellscript application/x-tcl application/x-tex
        application/x-typescript application/xml application/xml-dtd
        application/xml-external-parsed-entity application/yaml text/cache-manifest text/crystal
        text/css text/html text/javascript text/jscript text/jsx text/julia text/less text/n3
        text/php text/qml text/rust text/scss text/sgml text/tcl text/tsx text/turtle
        text/typescript text/vnd.graphviz text/vnd.trolltech.linguist
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
        "asciidoc", "authors", "bibtex", "changelog", "copying", "credits", "install", "iptables",
        "log", "microdvd", "mpsub", "mrml", "nfo", "opml", "readme", "rst", "setext", "ssa",
        "subrip", "subviewer", "texinfo", "troff", "troff-me", "troff-mm", "troff-ms", "tsv",
        "txt2tags", "uri", "uuencode", "vnote",
    )
)  # fmt: skip
