"""Limits that AWS sets, and figures that filehub and its stack have to agree on (pure)."""

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

#: How long an upload in parts may take, pauses included. The bucket's lifecycle rule removes what
#: is left behind later than this (infra/filehub.yaml; a test compares them).
MULTIPART_LIFETIME = timedelta(days=7)

#: Seconds that a received task stays hidden. infra/filehub.yaml gives the queue the same value.
VISIBILITY_TIMEOUT = 180
