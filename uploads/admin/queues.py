"""The queues in the admin: their depth, and replaying or discarding their dead letters."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from uploads.accounts.audit.record import Target, check_writable, record
from uploads.aws import dead_letters, sqs
from uploads.core.errors import BackendUnavailable
from uploads.models import AuditAction, Queue
from uploads.operations import queue_status, replay
from uploads.operations.doctor import expected

if TYPE_CHECKING:
    QueueAdminBase = admin.ModelAdmin[Queue]
else:
    QueueAdminBase = admin.ModelAdmin

logger = logging.getLogger(__name__)

Verb = Literal["replay", "discard"]

_RECORDED: dict[Verb, AuditAction] = {
    "replay": AuditAction.DEAD_LETTERS_REPLAYED,
    "discard": AuditAction.DEAD_LETTERS_DISCARDED,
}
#: The format of SQS message ids. Anything else is ignored, and never logged or displayed.
_MESSAGE_ID = re.compile(r"[A-Za-z0-9-]{1,100}")
#: Maximum number of ids in a message or an entry of the admin log.
MAX_NAMED = 20


@dataclass(frozen=True)
class Row:
    """A row of the overview."""

    status: queue_status.QueueStatus
    age: str
    dead_letters_url: str


@dataclass(frozen=True)
class ActionRequest:
    """A submitted action: its verb, and the ids of dead letters, or None for all of them."""

    verb: Verb
    ids: list[str] | None


@admin.register(Queue)
class QueueAdmin(QueueAdminBase):
    """The admin of the queues.

    The permission `change` allows replaying dead letters, `delete` allows discarding them.
    """

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.dead_letters_view)
        own = [
            path(f"{kind}/", view, {"kind": kind}, name=f"uploads_queue_{kind}")
            for kind in queue_status.KINDS
        ]
        return own + super().get_urls()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Queue | None:
        """Return a dead-letter queue, for its history page."""
        return Queue(name=object_id) if _kind_of(object_id) else None

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Redirect links in the admin log to the list of dead letters."""
        kind = _kind_of(object_id)
        if kind is None:
            raise Http404
        return HttpResponseRedirect(_dead_letters_url(kind))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Queues cannot be deleted."""
        raise Http404

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show the overview of all queues."""
        self._require(request, view=True)
        context: dict[str, Any] = {"title": _("Queues")}
        try:
            context["rows"] = [_row(status) for status in queue_status.queue_statuses()]
        except BackendUnavailable as exc:
            return self._unavailable(request, "change_list", context, exc)
        return self._page(request, "change_list", context)

    def dead_letters_view(self, request: HttpRequest, kind: queue_status.Kind) -> HttpResponse:
        """List the dead letters of a queue; a POST confirms an action, then applies it."""
        self._require(request, view=True)
        if request.method != "POST":
            return self._list_dead_letters(request, kind)
        action = _parse_action(request)
        if action is None:
            messages.warning(request, _("Nothing changed: no dead letters were selected."))
            return HttpResponseRedirect(_dead_letters_url(kind))
        self._require(request, change=action.verb == "replay", delete=action.verb == "discard")
        try:
            if "confirmed" not in request.POST:
                return self._confirmation(request, kind, action)
            self._execute(request, kind, action)
        except BackendUnavailable as exc:
            logger.error("Cannot %s dead letters: %r", action.verb, exc.__cause__ or exc)
            messages.error(
                request,
                _("The queue cannot be reached at the moment. Nothing was changed or lost."),
            )
        return HttpResponseRedirect(_dead_letters_url(kind))

    def _list_dead_letters(self, request: HttpRequest, kind: queue_status.Kind) -> TemplateResponse:
        name = _dlq_name(kind)
        context: dict[str, Any] = {"title": _("Dead letters in %(queue)s") % {"queue": name}}
        context |= {"kind": kind, "queue": queue_status.queue_name(kind), "dlq": name}
        try:
            dead = queue_status.list_dead_letters(kind)
        except BackendUnavailable as exc:
            return self._unavailable(request, "dead_letters", context, exc)
        context |= {
            "dead_letters": dead,
            "hidden": dead.total - len(dead.letters),
            "most_shown": dead_letters.MAX_SHOWN,
            "task_attempts": expected.TASKS_RECEIVES,
        }
        return self._page(request, "dead_letters", context)

    def _confirmation(
        self, request: HttpRequest, kind: queue_status.Kind, action: ActionRequest
    ) -> HttpResponse:
        """Render the confirmation page, which lists the affected dead letters."""
        dead = queue_status.list_dead_letters(kind, action.ids)
        if not dead.letters:
            messages.warning(request, _("Nothing changed: these dead letters no longer exist."))
            return HttpResponseRedirect(_dead_letters_url(kind))
        count = dead.total if action.ids is None else len(dead.letters)
        if action.verb == "replay":
            title = ngettext(
                "Replay %(count)s dead letter?", "Replay %(count)s dead letters?", count
            )
        else:
            title = ngettext(
                "Discard %(count)s dead letter?", "Discard %(count)s dead letters?", count
            )
        context = {
            "title": title % {"count": count},
            "kind": kind,
            "queue": queue_status.queue_name(kind),
            "dlq": _dlq_name(kind),
            "dead_letters_url": _dead_letters_url(kind),
            "dead_letters": dead,
            "count": count,
            "hidden": count - len(dead.letters),
            "verb": action.verb,
            "ids": action.ids,
        }
        return self._page(request, "confirm", context)

    def _execute(
        self, request: HttpRequest, kind: queue_status.Kind, action: ActionRequest
    ) -> None:
        check_writable()
        if action.verb == "replay":
            outcome = replay.replay(kind, action.ids)
        else:
            outcome = dead_letters.discard(queue_status.queue_name(kind), action.ids)
        handled = outcome.done + outcome.duplicated
        if handled:
            # The admin log is not translated.
            verb = "Replayed" if action.verb == "replay" else "Discarded"
            message = f"{verb} {len(handled)} dead letters: {_join_ids(handled)}"
            name = _dlq_name(kind)
            recorded = _RECORDED[action.verb]
            record(request, recorded, [Target("queue", name, name, message)])
            self.log_change(request, Queue(name=name), message)
        _report_outcome(request, action.verb, outcome)

    def _require(
        self,
        request: HttpRequest,
        *,
        view: bool = False,
        change: bool = False,
        delete: bool = False,
    ) -> None:
        allowed = (
            (not view or self.has_view_permission(request))
            and (not change or self.has_change_permission(request))
            and (not delete or self.has_delete_permission(request))
        )
        if not allowed:
            raise PermissionDenied

    def _unavailable(
        self,
        request: HttpRequest,
        template: str,
        context: dict[str, Any],
        error: BackendUnavailable,
    ) -> TemplateResponse:
        logger.error("Cannot show the queues: %r", error.__cause__ or error)
        context["unavailable"] = True
        return self._page(request, template, context, HTTPStatus.SERVICE_UNAVAILABLE)

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
    ) -> TemplateResponse:
        return TemplateResponse(
            request,
            f"admin/uploads/queue/{template}.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "may_replay": self.has_change_permission(request),
                "may_discard": self.has_delete_permission(request),
                **context,
            },
            status=status,
        )


def _row(status: queue_status.QueueStatus) -> Row:
    url = _dead_letters_url(status.kind) if status.is_dead_letters else ""
    return Row(status, _age_text(status), url)


def _age_text(status: queue_status.QueueStatus) -> str:
    """Format the age of the oldest message; "" for an empty queue."""
    if status.depth is not None and not status.depth.total:
        return ""
    if status.depth is None or status.oldest is None:
        return _("unknown")
    if status.oldest < timedelta(minutes=1):
        return _("less than a minute")
    return timesince(timezone.now() - status.oldest, depth=1)


def _dead_letters_url(kind: queue_status.Kind) -> str:
    return reverse(f"admin:uploads_queue_{kind}")


def _dlq_name(kind: queue_status.Kind) -> str:
    return sqs.dead_letter_queue(queue_status.queue_name(kind))


def _kind_of(name: str) -> queue_status.Kind | None:
    return next((kind for kind in queue_status.KINDS if _dlq_name(kind) == name), None)


def _parse_action(request: HttpRequest) -> ActionRequest | None:
    """Parse the submitted action; None if it is invalid or no dead letter was selected."""
    verb, _separator, scope = request.POST.get("action", "").partition("_")
    ids = [value for value in request.POST.getlist("ids") if _MESSAGE_ID.fullmatch(value)]
    if verb not in {"replay", "discard"} or scope not in {"", "all"}:
        return None
    if scope == "all":
        return ActionRequest(verb, None)  # type: ignore[arg-type]  # checked above
    return ActionRequest(verb, list(dict.fromkeys(ids))) if ids else None  # type: ignore[arg-type]


def _report_outcome(request: HttpRequest, verb: Verb, outcome: dead_letters.Outcome) -> None:
    """Show messages with the number of dead letters handled, and the ids of the others."""
    count = len(outcome.done)
    if verb == "replay":
        text = ngettext(
            "%(count)s dead letter was replayed.", "%(count)s dead letters were replayed.", count
        )
    else:
        text = ngettext(
            "%(count)s dead letter was discarded.", "%(count)s dead letters were discarded.", count
        )
    add_message = messages.success if outcome.complete else messages.warning
    add_message(request, text % {"count": count})
    for ids, sentence in (
        (outcome.missing, _("No longer in the queue, or currently being processed: %(ids)s.")),
        (
            outcome.duplicated,
            _("Replayed, but also still in the queue, which is harmless: %(ids)s."),
        ),
        (outcome.failed, _("Still in the queue, because SQS rejected the request: %(ids)s.")),
    ):
        if ids:
            messages.warning(request, sentence % {"ids": _join_ids(ids)})
    if outcome.stopped:
        messages.error(request, _("Stopped early, because the queue could not be reached."))


def _join_ids(ids: tuple[str, ...]) -> str:
    return ", ".join(ids[:MAX_NAMED]) + (" …" if len(ids) > MAX_NAMED else "")
