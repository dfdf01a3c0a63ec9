"""The queues in the Django admin: how full they are, and what to do with their dead letters."""

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

from uploads.aws import dead_letters, sqs
from uploads.core.errors import BackendUnavailable
from uploads.models import Queue
from uploads.operations import queue_status

if TYPE_CHECKING:
    QueueAdminBase = admin.ModelAdmin[Queue]
else:
    QueueAdminBase = admin.ModelAdmin

logger = logging.getLogger(__name__)

Verb = Literal["replay", "discard"]

#: What a MessageId of SQS can look like: nothing else is looked for, logged or shown.
_ID = re.compile(r"[A-Za-z0-9-]{1,100}")
#: Letters that a message to the operator, or the admin's log, names at most.
MAX_NAMED = 20


@dataclass(frozen=True)
class Row:
    """One queue of the overview."""

    status: queue_status.QueueStatus
    age: str
    letters_url: str


@dataclass(frozen=True)
class Order:
    """What the operator asks for: a verb, and the ids of some letters or None for all."""

    verb: Verb
    ids: list[str] | None


@admin.register(Queue)
class QueueAdmin(QueueAdminBase):
    """Four queues to look at. Their dead letters can be replayed (permission to change) and
    discarded (permission to delete)."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.letters_view)
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
        """For the history: the log entries are those of the dead-letter queues."""
        return Queue(name=object_id) if _kind_of(object_id) else None

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Where the admin's log points to: the dead letters themselves."""
        kind = _kind_of(object_id)
        if kind is None:
            raise Http404
        return HttpResponseRedirect(_letters_url(kind))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Letters can be deleted, queues cannot."""
        raise Http404

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The four queues."""
        self._require(request, view=True)
        context: dict[str, Any] = {"title": _("Queues")}
        try:
            context["rows"] = [_row(status) for status in queue_status.queue_statuses()]
        except BackendUnavailable as exc:
            return self._unavailable(request, "change_list", context, exc)
        return self._page(request, "change_list", context)

    def letters_view(self, request: HttpRequest, kind: queue_status.Kind) -> HttpResponse:
        """The dead letters of one queue; a POST asks, and once confirmed acts."""
        self._require(request, view=True)
        if request.method != "POST":
            return self._letters(request, kind)
        order = _order(request)
        if order is None:
            messages.warning(request, _("Nothing was done: no dead letter was selected."))
            return HttpResponseRedirect(_letters_url(kind))
        self._require(request, change=order.verb == "replay", delete=order.verb == "discard")
        try:
            if "confirmed" not in request.POST:
                return self._confirmation(request, kind, order)
            self._carry_out(request, kind, order)
        except BackendUnavailable as exc:
            logger.error("%s of dead letters failed: %r", order.verb, exc.__cause__ or exc)
            messages.error(
                request,
                _("The queue cannot be reached just now. This was not done, and nothing is lost."),
            )
        return HttpResponseRedirect(_letters_url(kind))

    def _letters(self, request: HttpRequest, kind: queue_status.Kind) -> TemplateResponse:
        name = _dead_letters_of(kind)
        context: dict[str, Any] = {"title": _("Dead letters in %(queue)s") % {"queue": name}}
        context |= {"kind": kind, "queue": queue_status.queue_name(kind), "dlq": name}
        try:
            found = queue_status.list_dead_letters(kind)
        except BackendUnavailable as exc:
            return self._unavailable(request, "letters", context, exc)
        context |= {"found": found, "hidden": found.total - len(found.letters)}
        return self._page(request, "letters", context)

    def _confirmation(
        self, request: HttpRequest, kind: queue_status.Kind, order: Order
    ) -> HttpResponse:
        """The page that asks, and lists what it is about."""
        found = queue_status.list_dead_letters(kind, order.ids)
        if not found.letters:
            messages.warning(request, _("Nothing was done: these dead letters are gone already."))
            return HttpResponseRedirect(_letters_url(kind))
        count = found.total if order.ids is None else len(found.letters)
        if order.verb == "replay":
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
            "dlq": _dead_letters_of(kind),
            "letters_url": _letters_url(kind),
            "found": found,
            "count": count,
            "hidden": count - len(found.letters),
            "verb": order.verb,
            "ids": order.ids,
        }
        return self._page(request, "confirm", context)

    def _carry_out(self, request: HttpRequest, kind: queue_status.Kind, order: Order) -> None:
        act = dead_letters.replay if order.verb == "replay" else dead_letters.discard
        outcome = act(queue_status.queue_name(kind), order.ids)
        handled = outcome.done + outcome.duplicated
        if handled:
            # The log is a record, not a page: it is not translated.
            done = "Replayed" if order.verb == "replay" else "Discarded"
            note = f"{done} {len(handled)} dead letters: {_named(handled)}"
            self.log_change(request, Queue(name=_dead_letters_of(kind)), note)
        _tell(request, order.verb, outcome)

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
        logger.error("the queues cannot be shown: %r", error.__cause__ or error)
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
    url = _letters_url(status.kind) if status.is_dead_letters else ""
    return Row(status, _age_text(status), url)


def _age_text(status: queue_status.QueueStatus) -> str:
    """How long the oldest message has waited, for people; "" for an empty queue."""
    if not status.depth.total:
        return ""
    if status.oldest is None:
        return _("unknown")
    if status.oldest < timedelta(minutes=1):
        return _("less than a minute")
    return timesince(timezone.now() - status.oldest, depth=1)


def _letters_url(kind: queue_status.Kind) -> str:
    return reverse(f"admin:uploads_queue_{kind}")


def _dead_letters_of(kind: queue_status.Kind) -> str:
    return sqs.dead_letter_queue(queue_status.queue_name(kind))


def _kind_of(name: str) -> queue_status.Kind | None:
    return next((kind for kind in queue_status.KINDS if _dead_letters_of(kind) == name), None)


def _order(request: HttpRequest) -> Order | None:
    """What was asked for; None when no letter was meant, or nothing that there is to do."""
    verb, _separator, scope = request.POST.get("action", "").partition("_")
    ids = [each for each in request.POST.getlist("ids") if _ID.fullmatch(each)]
    if verb not in {"replay", "discard"} or scope not in {"", "all"}:
        return None
    if scope == "all":
        return Order(verb, None)  # type: ignore[arg-type]  # it is one of the two
    return Order(verb, list(dict.fromkeys(ids))) if ids else None  # type: ignore[arg-type]


def _tell(request: HttpRequest, verb: Verb, outcome: dead_letters.Outcome) -> None:
    """Say what was done, and name what was not."""
    count = len(outcome.done)
    if verb == "replay":
        text = ngettext(
            "%(count)s dead letter was replayed.", "%(count)s dead letters were replayed.", count
        )
    else:
        text = ngettext(
            "%(count)s dead letter was discarded.", "%(count)s dead letters were discarded.", count
        )
    tell = messages.success if outcome.complete else messages.warning
    tell(request, text % {"count": count})
    for ids, sentence in (
        (outcome.missing, _("No longer here, or in use by somebody else: %(ids)s.")),
        (outcome.duplicated, _("Replayed but still here as well, which does no harm: %(ids)s.")),
        (outcome.failed, _("Still here, because the queue did not take them: %(ids)s.")),
    ):
        if ids:
            messages.warning(request, sentence % {"ids": _named(ids)})
    if outcome.stopped:
        messages.error(request, _("It ended early, because the queue could not be reached."))


def _named(ids: tuple[str, ...]) -> str:
    return ", ".join(ids[:MAX_NAMED]) + (" …" if len(ids) > MAX_NAMED else "")
