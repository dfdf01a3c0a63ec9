"""A web process has loaded everything before its first request."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import ROOT

# In one process, because each takes seconds to start.
CODE = """
import socket, sys
import botocore.session

def forbidden(*args, **options):
    raise AssertionError("not now")

# Starting needs neither AWS nor the database.
socket.socket.connect = forbidden
import filehub.wsgi
botocore.session.Session.create_client = forbidden

from uploads.aws import clients, dynamodb
from uploads.files.record import StoredFile
from uploads.files.usage import Counter

needed = {
    "S3": clients.s3,
    "SQS": clients.sqs,
    "transactions": lambda: dynamodb.connection().client,
    "files": lambda: StoredFile._get_connection().connection.client,
    "counters": lambda: Counter._get_connection().connection.client,
    "the API": lambda: sys.modules["uploads.web.api.routes"],
    "the admin site": lambda: sys.modules["uploads.admin.files"],
}
for name, use in needed.items():
    try:
        use()
    except (AssertionError, KeyError):
        print("not loaded:", name)
"""


def test_the_first_request_finds_what_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
