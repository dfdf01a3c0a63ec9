"""AWS limits, and values that filehub and its CloudFormation stack share (pure)."""

from __future__ import annotations

from datetime import timedelta

MIB = 1024**2
GIB = 1024**3
TIB = 1024**4

# Bytes. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
S3_MAX_OBJECT_SIZE = 5 * TIB
S3_MAX_PUT_SIZE = 5 * GIB
S3_MIN_PART_SIZE = 5 * MIB
# Seconds.
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html (X-Amz-Expires)
S3_MAX_EXPIRY = 7 * 24 * 3600

#: How long a multipart upload may take, pauses included. Later, the bucket's lifecycle rule removes
#: its parts (infra/filehub.yaml; a test compares the two).
MULTIPART_LIFETIME = timedelta(days=7)
MULTIPART_ABORT_AFTER = timedelta(days=8)

#: The tasks queue's visibility timeout in seconds; the stack parameter has the same value.
VISIBILITY_TIMEOUT = 180

#: The largest file of which a thumbnail is made, in bytes: the worker downloads all of it.
THUMBNAIL_MAX_SOURCE = 64 * MIB
