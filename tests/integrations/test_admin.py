"""Endpoints and the log of deliveries in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.admin.helpers import FORGED
from tests.integrations.helpers import event, statuses
from tests.support.local_aws import arguments, drain
from tests.support.users import staff
from tests.support.webhook_receiver import Receiver
from uploads.core.conf import conf
from uploads.integrations.webhooks import deliver, deliveries
from uploads.models import AuditEntry, WebhookDelivery, WebhookEndpoint

pytestmark = pytest.mark.usefixtures("_static_files")

ENDPOINTS = "/admin/uploads/webhookendpoint/"
DELIVERIES = "/admin/uploads/webhookdelivery/"
FORM = {
    "name": "shop",
    "url": "https://example.com/hook",
    "events": ["file.stored", "file.deleted"],
    "is_enabled": "on",
}


def text_of(response: Any) -> str:
    text: str = response.content.decode()
    return text


def test_an_endpoint_is_created_with_a_secret(admin: Client) -> None:
    assert admin.post(f"{ENDPOINTS}add/", FORM).status_code == 302
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.secret.startswith("whsec_")
    assert endpoint.event_list == ["file.stored", "file.deleted"]
    assert endpoint.secret in text_of(admin.get(f"{ENDPOINTS}{endpoint.pk}/change/"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://example.com/"), ("url", "https://u:p@example.com/"), ("url", ""),
        ("url", "javascript:alert(1)"), ("events", []), ("events", ["file.opened"]),
        ("name", ""), ("name", "a\u202eb"),
    ],
)  # fmt: skip
def test_what_an_endpoint_cannot_be(field: str, value: object, admin: Client) -> None:
    response = admin.post(f"{ENDPOINTS}add/", FORM | {field: value})
    assert response.status_code == 200
    assert "errorlist" in text_of(response)
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.usefixtures("aws")
def test_the_test_button_sends_a_signed_test(
    admin: Client, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    page = admin.post(f"{ENDPOINTS}{endpoint.pk}/test/", follow=True)
    assert "webhook.test" in text_of(page)
    assert AuditEntry.objects.filter(object_id=endpoint.pk, detail="changed: Sent a test.").exists()
    (message,) = drain(conf().low_queue)
    assert arguments(message["Body"]) == [endpoint.pk]
    deliver.deliver(endpoint.pk)
    assert receiver.types == ["webhook.test"]
    assert ">200<" in text_of(admin.get(DELIVERIES))


def test_a_disabled_endpoint_gets_no_test(admin: Client, endpoint: WebhookEndpoint) -> None:
    WebhookEndpoint.objects.update(is_enabled=False, disabled_reason="gone")
    page = text_of(admin.post(f"{ENDPOINTS}{endpoint.pk}/test/", follow=True))
    assert "Enable the endpoint first." in page
    assert "410 Gone" in page
    assert not WebhookDelivery.objects.exists()


def test_enabling_an_endpoint_starts_afresh(admin: Client, endpoint: WebhookEndpoint) -> None:
    secret = endpoint.secret
    WebhookEndpoint.objects.update(
        is_enabled=False, disabled_reason="failing", failures=9, failing_since="2026-01-01T00:00Z"
    )
    admin.post(f"{ENDPOINTS}{endpoint.pk}/change/", FORM)
    endpoint.refresh_from_db()
    assert endpoint.is_enabled
    assert (endpoint.disabled_reason, endpoint.failures, endpoint.failing_since) == ("", 0, None)
    assert endpoint.secret == secret


@pytest.mark.usefixtures("aws")
def test_the_dashboard_tells_of_disabled_endpoints(
    admin: Client, endpoint: WebhookEndpoint
) -> None:
    hint = "1 webhook endpoint was disabled"
    assert hint not in text_of(admin.get("/admin/"))
    WebhookEndpoint.objects.update(is_enabled=False)  # By an operator.
    assert hint not in text_of(admin.get("/admin/"))
    WebhookEndpoint.objects.update(disabled_reason="failing")
    assert hint in text_of(admin.get("/admin/"))


@pytest.mark.usefixtures("aws")
def test_a_failed_delivery_is_sent_again(
    admin: Client, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    deliveries.create([event(1), event(2)])
    WebhookDelivery.objects.filter(event_id="evt_1_1").update(status="failed")
    chosen = list(WebhookDelivery.objects.values_list("pk", flat=True))
    page = admin.post(
        DELIVERIES, {"action": "replay", "_selected_action": [*chosen, *FORGED]}, follow=True
    )
    assert "1 delivery is sent again." in text_of(page)
    assert len(drain(conf().low_queue)) == 1
    deliver.deliver(endpoint.pk)
    assert [name for name, _ in receiver.received] == ["evt_1_1", "evt_1_2"]
    entry = AuditEntry.objects.get(object_kind="webhookendpoint")
    assert (entry.user_name, entry.detail) == ("root", "1 deliveries sent again")


def test_hostile_names_are_shown_as_text(admin: Client, endpoint: WebhookEndpoint) -> None:
    hostile = '<script>alert(1)</script>"\u202e'
    file = event(1).file.model_copy(update={"file_name": hostile})
    deliveries.create([event(1).model_copy(update={"file": file})])
    row = WebhookDelivery.objects.get()
    for url in (DELIVERIES, f"{DELIVERIES}{row.pk}/change/"):
        page = text_of(admin.get(url))
        assert "<script>alert" not in page
        assert "\u202e" not in page


@pytest.mark.parametrize("key", FORGED)
def test_forged_keys_are_not_found(key: str, admin: Client) -> None:
    for url in (
        f"{ENDPOINTS}{key}/test/",
        f"{ENDPOINTS}{key}/change/",
        f"{DELIVERIES}{key}/change/",
    ):
        assert admin.post(url.replace("\x00", "%00")).status_code in {302, 400, 404, 405, 403}


PERMISSIONS = {
    "view": ("view_webhookendpoint", "view_webhookdelivery"),
    "change": ("change_webhookendpoint", "change_webhookdelivery", "view_webhookdelivery"),
    "files": ("view_file",),
}


@pytest.mark.parametrize(
    ("who", "sees", "tests", "replays"),
    [("view", True, False, False), ("change", True, True, True), ("files", False, False, False)],
)
@pytest.mark.usefixtures("aws")
def test_permissions(
    who: str, sees: bool, tests: bool, replays: bool, alice: User, endpoint: WebhookEndpoint
) -> None:
    client = staff(alice, *PERMISSIONS[who])
    deliveries.create([event(1)])
    WebhookDelivery.objects.update(status="failed")
    page = client.get(f"{ENDPOINTS}{endpoint.pk}/change/")
    assert page.status_code == (200 if sees else 403)
    # Only superusers see secrets.
    assert endpoint.secret not in text_of(page)
    assert ("webhook-test" in text_of(page)) is tests
    assert client.get(f"{ENDPOINTS}{endpoint.pk}/test/").status_code in {403, 405}
    answer = client.post(f"{ENDPOINTS}{endpoint.pk}/test/")
    assert answer.status_code == (302 if tests else 403)
    selection = {"action": "replay", "_selected_action": [WebhookDelivery.objects.first().pk]}
    client.post(DELIVERIES, selection)
    assert statuses(endpoint)["evt_1_1"] == ("pending" if replays else "failed")


def test_the_test_button_needs_a_csrf_token(root: User, endpoint: WebhookEndpoint) -> None:
    client = staff(root, "change_webhookendpoint", checks_csrf=True)
    assert client.post(f"{ENDPOINTS}{endpoint.pk}/test/").status_code == 403
    assert not WebhookDelivery.objects.exists()
