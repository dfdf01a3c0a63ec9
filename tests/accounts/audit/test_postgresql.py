"""PostgreSQL itself lets nobody change entries, whatever the program is."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psycopg
import pytest

from tests.support.postgres import Postgres
from tests.support.processes import ROOT

#: Writes entries as filehub does, and deletes those whose time is over.
SCRIPT = """
import json
from datetime import timedelta
from django.utils import timezone
from uploads.accounts.audit import retention
from uploads.accounts.audit.record import Target, check_writable, record
from uploads.models import AuditAction, AuditEntry
AuditEntry(at=timezone.now() - timedelta(days=366), action="sign_in", outcome="ok").save()
check_writable()
record(None, AuditAction.UPLOAD_SIGNED, [Target("file", n, "a\\0%s") for n in "123"])
print(json.dumps([retention.expire().entries, AuditEntry.objects.count()]))
"""


def manage(url: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.exhaustive
@pytest.mark.xdist_group("postgres")
def test_only_the_retention_deletes_entries() -> None:
    with Postgres() as server:
        manage(server.url, "migrate", "--verbosity", "0")
        output = manage(server.url, "shell", "--no-imports", "--command", SCRIPT)
        assert json.loads(output.splitlines()[-1]) == [1, 3]
        with psycopg.connect(server.url, autocommit=True) as connection:
            for statement in (
                "UPDATE uploads_auditentry SET user_name = 'eve'",
                "DELETE FROM uploads_auditentry WHERE object_id = '1'",
            ):
                with pytest.raises(psycopg.errors.RaiseException, match="neither changed nor"):
                    connection.execute(statement)
            count = connection.execute("SELECT count(*) FROM uploads_auditentry").fetchone()
        assert count == (3,)
        # Back and forth.
        manage(server.url, "migrate", "uploads", "0004", "--verbosity", "0")
        manage(server.url, "migrate", "--verbosity", "0")
