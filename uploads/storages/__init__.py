"""A Django storage whose files are files of this app (docs/integrating.md).

Unlike uploads of browsers, content that is saved here passes through Django. Everything else is the
same: keys, metadata, rules, records, lists and the trash.
"""

from uploads.storages.errors import FileMissing, FileWithheld, NoUrl, UploadRejected
from uploads.storages.ownership import Owner, as_owner
from uploads.storages.storage import FilehubStorage, validate_upload

__all__ = [
    "FileMissing",
    "FileWithheld",
    "FilehubStorage",
    "NoUrl",
    "Owner",
    "UploadRejected",
    "as_owner",
    "validate_upload",
]
