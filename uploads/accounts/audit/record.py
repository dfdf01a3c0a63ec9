"""Record what somebody did. Each entry is a row of `AuditEntry` and a log line.

The line is written first, and has ids but no names: if the database is away, the log still says
what happened. A request that cannot be recorded fails (docs/security.md).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import router, transaction
from django.http import HttpRequest
from django.utils import timezone

from uploads.accounts import addresses
from uploads.accounts.owners import owner_of
from uploads.core.conf import conf
from uploads.core.logs import context
from uploads.models import ApiToken, AuditAction, AuditEntry, AuditOutcome

logger = logging.getLogger(__name__)

#: Rows per INSERT: far below the number of parameters that SQLite and PostgreSQL accept.
ROWS = 500
#: The name of who runs a command of manage.py, for whom there is no user.
COMMAND_LINE = "manage.py"
#: What a row has beside its id and time.
_COLUMNS = (
    "action", "outcome", "user_key", "user_name", "token_id", "object_kind", "object_id",
    "object_name", "detail", "address", "agent", "request_id",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """What an action was about: its kind and id, the name that it has now, and what changed.

    `detail` is English. What is too long is cut off.
    """

    kind: str = ""
    id: str = ""
    name: str = ""
    detail: str = ""
    outcome: AuditOutcome = AuditOutcome.OK


def record(
    request: HttpRequest | None,
    action: AuditAction,
    targets: Iterable[Target] = (Target(),),
    *,
    by: Any = None,
) -> None:
    """Record an action on each of these targets, all of them with one INSERT.

    The user is `by`, or else that of the request; without a request, it is the command line.
    Does nothing if the audit log is off. Raises DatabaseError.
    """
    if not conf().has_audit_log:
        return
    who = _origin(request, by)
    rows = [_row(action.value, who, target) for target in targets]
    for row in rows:
        _log(row)
    for start in range(0, len(rows), ROWS):
        _insert(rows[start : start + ROWS])


def check_writable() -> None:
    """Raise DatabaseError if entries cannot be written now; for before what cannot be undone."""
    if conf().has_audit_log:
        with transaction.atomic(using=_database()):
            _insert([_row("", _origin(None, None), Target())])
            transaction.set_rollback(True, using=_database())


Row = dict[str, Any]


def _row(action: str, who: Row, target: Target) -> Row:
    """The columns of an entry, but for the time."""
    return {
        **who,
        "action": action,
        "outcome": target.outcome.value,
        "object_kind": target.kind,
        "object_id": _storable(target.id, 255),
        "object_name": _storable(target.name, 255),
        "detail": _storable(target.detail, 500),
    }


def _origin(request: HttpRequest | None, by: Any) -> Row:
    """Who, and from where."""
    user: Any = by if by is not None else getattr(request, "user", None)
    is_known = user is not None and user.is_authenticated
    # What authenticated the request, if that is the API's part (uploads/web/api/auth.py).
    token = vars(request).get("auth") if request is not None else None
    name = user.get_username() if is_known else "" if request is not None else COMMAND_LINE
    agent = request.META.get("HTTP_USER_AGENT", "") if request is not None else ""
    return {
        "user_key": _storable(owner_of(user), 64) if is_known else "",
        "user_name": _storable(name, 150),
        "token_id": token.pk if isinstance(token, ApiToken) else None,
        "address": _storable(addresses.address_of(request), 64) if request is not None else "",
        "agent": _storable(agent, 200),
        "request_id": context.current("request_id") or "",
    }


def _storable(text: str, limit: int) -> str:
    """Text that every database stores. What is deceptive in it is replaced where it is shown."""
    text = text[:limit].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if text.isascii() else text.encode(errors="replace").decode()


def _log(row: Row) -> None:
    """Log an entry, without the names of users and files. Fields that are None are left out."""
    logger.info(
        "audit: %s %s",
        row["action"],
        row["outcome"],
        extra={
            "action": row["action"],
            "outcome": row["outcome"],
            "user_id": row["user_key"] or context.current("user_id"),
            # What is called a token is hidden in log lines, and looking for it takes time.
            "client_id": row["token_id"],
            "object_kind": row["object_kind"] or None,
            "object_id": row["object_id"] or None,
            "upload_id": row["object_id"] if row["object_kind"] == "file" else None,
            "address": row["address"] or None,
        },
    )


# The INSERT. `bulk_create` takes twice as long, because it makes and compiles the same statement
# for each request, and begins and ends a transaction around it.


def _insert(rows: Sequence[Row]) -> None:
    connection = transaction.get_connection(_database())
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    values: list[Any] = []
    for row in rows:
        values.append(now)
        values += [row[name] for name in _COLUMNS]
    with connection.cursor() as cursor:
        cursor.execute(_statement(connection.vendor, len(rows)), values)


def _database() -> str:
    return router.db_for_write(AuditEntry)


@lru_cache(maxsize=128)
def _statement(vendor: str, rows: int) -> str:
    """The statement for this number of rows. Names of tables are quoted as the vendor does it."""
    quote = transaction.get_connection(_database()).ops.quote_name
    columns = ", ".join(map(quote, ("at", *_COLUMNS)))
    row = f"({', '.join(['%s'] * (1 + len(_COLUMNS)))})"
    table = quote(AuditEntry._meta.db_table)
    return f"INSERT INTO {table} ({columns}) VALUES {', '.join([row] * rows)}"  # noqa: S608
