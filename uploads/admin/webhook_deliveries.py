"""The log of webhook deliveries in the admin, and sending some of them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts.audit import targets
from uploads.accounts.audit.record import record
from uploads.admin.invalid_keys import SafeSelectionMixin
from uploads.core.errors import BackendUnavailable
from uploads.core.names import display_name
from uploads.core.texts import describe_error, timestamp
from uploads.integrations import queue
from uploads.integrations.webhooks import deliveries
from uploads.models import AuditAction, DeliveryStatus, WebhookDelivery, WebhookEndpoint

if TYPE_CHECKING:
    DeliveryAdminBase = admin.ModelAdmin[WebhookDelivery]
else:
    DeliveryAdminBase = admin.ModelAdmin

_PROBLEMS = {
    "address": _("The address is not public."),
    "name": _("The host name cannot be looked up."),
    "connection": _("No connection, or it broke."),
    "tls": _("TLS failed. Is the certificate valid?"),
    "timeout": _("No complete response in time."),
    "url": _("The URL is not allowed."),
}


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(SafeSelectionMixin, DeliveryAdminBase):
    """A log: nothing can be added, changed or deleted. `change` allows sending again."""

    list_display = ("created", "type", "status", "answer", "attempts", "endpoint", "file_id")
    list_filter = ("status", "type", "endpoint")
    list_select_related = ("endpoint",)
    ordering = ("-id",)
    search_fields = ("=event_id", "=file_id")
    # Counting all rows of a large log is slow.
    show_full_result_count = False
    actions = ("replay",)
    fields = ("event_id", "endpoint", "type", "file_id", "status", "attempts", "created",
              "last_attempt", "answer", "next_attempt", "payload")  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: WebhookDelivery | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: WebhookDelivery | None = None
    ) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: WebhookDelivery | None = None) -> bool:
        return request.user.has_perm("uploads.view_webhookdelivery")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Django asks for it because of the action's `permissions`."""
        return request.user.has_perm("uploads.change_webhookdelivery")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": _("Webhook deliveries")} | (extra_context or {})
        return super().changelist_view(request, context)

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, delivery: WebhookDelivery) -> str:
        return timestamp(delivery.created_at)

    @admin.display(description=_("last attempt"))
    def last_attempt(self, delivery: WebhookDelivery) -> str:
        return timestamp(delivery.last_attempt_at) if delivery.last_attempt_at else ""

    @admin.display(description=_("next attempt"))
    def next_attempt(self, delivery: WebhookDelivery) -> str:
        is_pending = delivery.status == DeliveryStatus.PENDING
        return timestamp(delivery.next_attempt_at) if is_pending else ""

    @admin.display(description=_("answer"))
    def answer(self, delivery: WebhookDelivery) -> str:
        if delivery.response_status is not None:
            return str(delivery.response_status)
        return str(_PROBLEMS.get(delivery.problem, delivery.problem))

    @admin.display(description=_("payload"))
    def payload(self, delivery: WebhookDelivery) -> str:
        return display_name(delivery.body)

    @admin.action(description=_("Send the selected deliveries again"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Send again with the same ids, so that receivers recognize what they know."""
        chosen = WebhookDelivery.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
        endpoints = WebhookEndpoint.objects.filter(deliveries__in=chosen).distinct().order_by("pk")
        count = deliveries.replay(chosen)
        what = f"{count} deliveries sent again"
        record(
            request, AuditAction.ADMIN_CHANGE, [targets.of_row(each, what) for each in endpoints]
        )
        try:
            queue.deliver(each.pk for each in endpoints)
        except BackendUnavailable as exc:
            # They are due, and the sweep finds them.
            messages.warning(request, describe_error(exc))
        text = ngettext(
            "%(n)s delivery is sent again.", "%(n)s deliveries are sent again.", count
        ) % {"n": count}
        if count:
            messages.success(request, text)
        else:
            messages.info(request, gettext("Deliveries that are pending are sent anyway."))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # Django offers the deletion of the selection unless it is taken away.
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions
