"""Webhook endpoints in the admin: who is told what, and a test.

An endpoint is told of all users' files, so its permissions are given with care. Only superusers see
secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from uploads.admin.invalid_keys import SafeSelectionMixin
from uploads.core import policy
from uploads.core.errors import BackendUnavailable, InvalidRequest
from uploads.core.texts import describe_error, timestamp
from uploads.files import outbox
from uploads.files.file_events import EVENT_TYPES
from uploads.integrations import queue
from uploads.integrations.webhooks import addresses, deliveries
from uploads.models import WebhookEndpoint

if TYPE_CHECKING:
    EndpointAdminBase = admin.ModelAdmin[WebhookEndpoint]
    ModelForm = forms.ModelForm[WebhookEndpoint]
else:
    EndpointAdminBase = admin.ModelAdmin
    ModelForm = forms.ModelForm

_EVENT_NAMES = {
    "file.stored": _("a file was stored"),
    "file.rejected": _("a file was rejected"),
    "file.deleted": _("a file was permanently deleted"),
    "file.renamed": _("a file was renamed or moved"),
}
_DISABLED = {
    "gone": _("Disabled: the receiver answered 410 Gone."),
    "failing": _("Disabled: nothing could be delivered for three days."),
}


class EndpointForm(ModelForm):
    """A name, a URL and the types of events."""

    url = forms.CharField(
        label="URL",
        max_length=addresses.MAX_URL,
        help_text=_("An https:// address. It must be reachable from the public internet."),
        widget=forms.URLInput({"class": "vURLField"}),
    )
    events = forms.MultipleChoiceField(
        label=_("Events"),
        choices=[(kind, _EVENT_NAMES[kind]) for kind in EVENT_TYPES],
        initial=EVENT_TYPES,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("name", "url", "events", "is_enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["events"] = self.instance.event_list

    def clean_name(self) -> str:
        try:
            return policy.check_token_name(self.cleaned_data["name"])
        except InvalidRequest:
            raise ValidationError(_("The name must not contain control characters.")) from None

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        if not addresses.is_allowed_url(url):
            raise ValidationError(
                _("Enter an https:// address without username, password and fragment.")
            )
        return url

    def clean_events(self) -> str:
        """Return the types as the model stores them."""
        return " ".join(kind for kind in EVENT_TYPES if kind in self.cleaned_data["events"])


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(SafeSelectionMixin, EndpointAdminBase):
    """The admin of endpoints."""

    form = EndpointForm
    change_form_template = "admin/uploads/webhookendpoint/change_form.html"
    list_display = ("name", "url", "events", "is_enabled", "condition")
    ordering = ("name", "id")

    def get_fields(
        self, request: HttpRequest, obj: WebhookEndpoint | None = None
    ) -> tuple[str, ...]:
        fields = EndpointForm.Meta.fields
        if obj is None:
            return fields
        return (*fields, "condition", *(("secret",) if request.user.is_superuser else ()))

    def get_readonly_fields(
        self, request: HttpRequest, obj: WebhookEndpoint | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else ("condition", "secret")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": _("Webhook endpoints")} | (extra_context or {})
        return super().changelist_view(request, context)

    @admin.display(description=_("condition"))
    def condition(self, endpoint: WebhookEndpoint) -> str:
        """What an operator should know about it, in a sentence."""
        if not endpoint.is_enabled:
            reason = _DISABLED.get(endpoint.disabled_reason)
            return str(reason) if reason else gettext("Disabled.")
        if endpoint.failing_since is None:
            return gettext("OK")
        text = gettext("Every attempt since %(time)s has failed.")
        return text % {"time": timestamp(endpoint.failing_since)}

    def save_model(
        self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool
    ) -> None:
        if not change:
            obj.secret = WebhookEndpoint.new_secret()
        if "is_enabled" in form.changed_data or "url" in form.changed_data:
            obj.disabled_reason, obj.failing_since = "", None
            obj.failures, obj.paused_until = 0, None
        super().save_model(request, obj, form, change)
        # In this process; the others notice it within seconds.
        outbox.interest.forget()

    def get_urls(self) -> list[URLPattern]:
        test = self.admin_site.admin_view(self.test_view)
        return [
            path("<int:pk>/test/", test, name="uploads_webhookendpoint_test"),
            *super().get_urls(),
        ]

    @method_decorator(require_POST)
    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a test, and show the log, where its result appears."""
        endpoint = WebhookEndpoint.objects.filter(pk=pk).first() if pk < 2**63 else None
        if not self.has_change_permission(request, endpoint):
            raise PermissionDenied
        if endpoint is None:
            raise Http404
        site = self.admin_site.name
        if not endpoint.is_enabled:
            messages.warning(request, gettext("Enable the endpoint first."))
            page = reverse(f"{site}:uploads_webhookendpoint_change", args=[pk])
            return HttpResponseRedirect(page)
        deliveries.create_test(endpoint)
        self.log_change(request, endpoint, "Sent a test.")
        try:
            queue.deliver([endpoint.pk])
            messages.success(request, gettext("A test is on its way. Its result appears here."))
        except BackendUnavailable as exc:
            messages.error(request, describe_error(exc))
        page = reverse(f"{site}:uploads_webhookdelivery_changelist")
        return HttpResponseRedirect(f"{page}?endpoint__id__exact={pk}")
