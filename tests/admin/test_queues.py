"""The queues in the admin: permissions, replaying and discarding dead letters, messages."""

from __future__ import annotations

import html
import json
import uuid
from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from tests.support.dead_letters import (
    HOSTILE,
    UPLOAD_ID,
    before,
    bodies,
    break_connection,
    celery_body,
    dlq,
    events_queue,
    s3_record,
    send_dead_letter,
)
from tests.support.local_aws import drain
from tests.support.users import staff
from uploads.aws import clients, sqs
from uploads.core.conf import Conf, conf
from uploads.core.reasons import Reason, dump
from uploads.ingest import task_failures
from uploads.ingest.task_failures import TaskFailure
from uploads.models import AuditEntry

pytestmark = pytest.mark.usefixtures("aws")

OVERVIEW = "/admin/uploads/queue/"
EVENTS = "/admin/uploads/queue/events/"
TASKS = "/admin/uploads/queue/tasks/"

SignIn = Callable[..., Client]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """A staff member with exactly these permissions on queues."""

    def sign_in(*verbs: str, checks: bool = False) -> Client:
        user = User.objects.create_user(f"op-{uuid.uuid4().hex}")
        return staff(user, *(f"{verb}_queue" for verb in verbs), checks_csrf=checks)

    return sign_in


@pytest.fixture
def operator(sign_in: SignIn) -> Client:
    return sign_in("view", "change", "delete")


def page(client: Client, path: str = EVENTS, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def act(client: Client, action: str, *ids: str, path: str = EVENTS) -> str:
    """Submit and confirm an action; return the messages of the page."""
    response = client.post(path, {"action": action, "ids": ids, "confirmed": "yes"}, follow=True)
    assert response.status_code == 200
    content = response.content.decode()
    start = content.index('<ul class="messagelist">')
    return html.unescape(content[start : content.index("</ul>", start)])


# Permissions


def test_without_permission_every_page_is_forbidden(sign_in: SignIn) -> None:
    client = sign_in()
    for path in (OVERVIEW, EVENTS, TASKS):
        assert client.get(path).status_code == 403
        assert client.post(path, {"action": "replay_all"}).status_code == 403


def test_anonymous_users_are_redirected_to_the_login_page(client: Client, db: None) -> None:
    for path in (OVERVIEW, EVENTS):
        assert client.get(path)["Location"].startswith("/admin/login/")
    send_dead_letter("x")
    response = client.post(EVENTS, {"action": "discard_all", "confirmed": "yes"})
    assert response["Location"].startswith("/admin/login/")
    assert sqs.depth(dlq()).visible == 1


@pytest.mark.parametrize(
    ("verbs", "shown", "hidden"),
    [
        (("view",), (), ("replay", "replay_all", "discard", "discard_all")),
        (("view", "change"), ("replay", "replay_all"), ("discard", "discard_all")),
        (("view", "delete"), ("discard", "discard_all"), ("replay", "replay_all")),
        (("view", "change", "delete"), ("replay", "replay_all", "discard", "discard_all"), ()),
    ],
    ids=["view", "change", "delete", "all"],
)
def test_each_permission_shows_its_buttons_and_is_enforced(
    sign_in: SignIn, verbs: tuple[str, ...], shown: tuple[str, ...], hidden: tuple[str, ...]
) -> None:
    client, message_id = sign_in(*verbs), send_dead_letter("x")
    content = page(client)
    for action in shown:
        assert f'name="action" value="{action}"' in content
        assert client.post(EVENTS, {"action": action, "ids": [message_id]}).status_code == 200
    for action in hidden:
        assert f'name="action" value="{action}"' not in content
        for confirmed in ({}, {"confirmed": "yes"}):
            form = {"action": action, "ids": [message_id], **confirmed}
            assert client.post(EVENTS, form).status_code == 403
    assert sqs.depth(dlq()).visible == 1


def test_permission_to_discard_does_not_include_viewing(sign_in: SignIn) -> None:
    assert sign_in("delete").get(EVENTS).status_code == 403


def test_queues_cannot_be_added_edited_or_deleted(operator: Client) -> None:
    assert operator.get(f"{OVERVIEW}add/").status_code == 403
    for name in (dlq(), "other"):
        for verb in ("get", "post"):
            assert getattr(operator, verb)(f"{OVERVIEW}{name}/delete/").status_code == 404
    assert operator.get(f"{OVERVIEW}other/change/").status_code == 404


def test_an_action_needs_its_csrf_token(sign_in: SignIn) -> None:
    send_dead_letter("x")
    client = sign_in("view", "change", "delete", checks=True)
    response = client.post(EVENTS, {"action": "discard_all", "confirmed": "yes"})
    assert response.status_code == 403
    assert sqs.depth(dlq()).visible == 1


# Pages


def test_the_overview_has_all_queues_and_links_to_the_dead_letters(operator: Client) -> None:
    send_dead_letter("x")
    content = page(operator, OVERVIEW)
    for name in (conf().events_queue, conf().tasks_queue):
        assert f">{name}<" in content
        assert f">{name}-dlq<" in content
    assert f'href="{EVENTS}"' in content
    assert f'href="{TASKS}"' in content
    assert "less than a minute" in content
    assert f">{conf().low_queue}<" in content
    assert "cannot be reached" not in content


def test_a_queue_of_thumbnails_that_cannot_be_reached_hides_no_other(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Conf, "low_queue", "there-is-none")
    content = page(operator, OVERVIEW)
    assert content.count("The queue cannot be reached at the moment.") == 1
    assert f">{conf().tasks_queue}-dlq<" in content


def test_an_empty_queue_says_so(operator: Client) -> None:
    content = page(operator)
    assert "No dead letters." in content
    assert "Nothing needs your attention." in content
    assert 'name="action"' not in content


def test_a_dead_letter_shows_its_content_and_its_error(operator: Client) -> None:
    send_dead_letter(
        json.dumps({"Records": [s3_record("uploads/x")]}), error="The sequencer is odd."
    )
    content = page(operator)
    assert "ObjectCreated:Put" in content
    assert "b/uploads/x" in content
    assert "The sequencer is odd." in content


def test_a_task_shows_its_last_error(operator: Client) -> None:
    task_failures.record("t-1", "S3 was on fire.")
    send_dead_letter(celery_body([UPLOAD_ID], "uploads.tasks.confirm_hint"), conf().tasks_queue)
    content = page(operator, TASKS)
    assert "uploads.tasks.confirm_hint" in content
    assert "S3 was on fire." in content
    assert "failed 1 time" in content
    assert "Tasks that failed 8 times." in content


@pytest.mark.parametrize(
    ("reason", "english", "german"),
    [
        (Reason("not_json"), "It is not JSON.", "Die Nachricht ist kein JSON."),
        (
            Reason("field_missing", {"field": "eventName", "record": 3}),
            "Record 3: eventName is missing.",
            "Eintrag 3: eventName fehlt.",
        ),
        (
            Reason("unavailable", {"cause": "a\u202eb"}),
            "A service did not respond: a\ufffdb",
            "Ein Dienst hat nicht geantwortet: a\ufffdb",
        ),
    ],
)
def test_the_error_is_in_the_language_of_the_operator(
    operator: Client, reason: Reason, english: str, german: str
) -> None:
    send_dead_letter("x", error=dump(reason))
    for language, sentence in (("en", english), ("de", german)):
        shown = operator.get(EVENTS, headers={"Accept-Language": language}).content.decode()
        assert sentence in html.unescape(shown)


def test_without_a_stored_error_the_message_itself_says_what_is_wrong(operator: Client) -> None:
    send_dead_letter("{}", error='{"code":"no_rec')
    german = operator.get(EVENTS, headers={"Accept-Language": "de"}).content.decode()
    assert "Die Nachricht enthält keine Liste „Records“" in german


@pytest.mark.parametrize("path", [EVENTS, TASKS])
def test_hostile_dead_letters_are_shown_as_text(operator: Client, path: str) -> None:
    script = "<script>alert(1)</script>"
    queue = events_queue() if path == EVENTS else conf().tasks_queue
    for body in (script, json.dumps({"Records": [s3_record(script, script)]}), *HOSTILE.values()):
        if 0 < len(body) < 1_000_000:
            send_dead_letter(body, queue, error=script)
    content = page(operator, path)
    assert "&lt;script&gt;alert(1)" in content
    assert "<script>alert(1)" not in content
    question = operator.post(path, {"action": "discard_all"}).content.decode()
    assert "<script>alert(1)" not in question


def test_dead_letters_beyond_the_limit_are_counted(operator: Client) -> None:
    for number in range(103):
        send_dead_letter(str(number))
    hidden = (
        "3 more dead letters are not shown, "
        "because they are currently being processed or not among the first 100."
    )
    assert hidden in page(operator)


# Actions


def test_an_action_needs_a_confirmation(operator: Client) -> None:
    message_id = send_dead_letter(json.dumps({"Records": [s3_record("uploads/x")]}))
    send_dead_letter("other")
    question = operator.post(EVENTS, {"action": "replay", "ids": [message_id]}).content.decode()
    assert "Replay 1 dead letter?" in question
    assert "b/uploads/x" in question
    assert "other" not in question
    assert sqs.depth(dlq()).visible == 2
    assert drain(events_queue()) == []


def test_one_dead_letter_is_replayed(operator: Client) -> None:
    message_id = send_dead_letter("a")
    send_dead_letter("b")
    assert "1 dead letter was replayed." in act(operator, "replay", message_id)
    assert (bodies(events_queue()), bodies(dlq())) == (["a"], ["b"])


def test_several_dead_letters_are_replayed(operator: Client) -> None:
    selected = [send_dead_letter("a"), send_dead_letter("b")]
    send_dead_letter("c")
    assert "2 dead letters were replayed." in act(operator, "replay", *selected)
    assert (bodies(events_queue()), bodies(dlq())) == (["a", "b"], ["c"])


def test_replaying_all_includes_those_that_were_not_shown(operator: Client) -> None:
    for number in range(105):
        send_dead_letter(str(number))
    assert "105 dead letters were replayed." in act(operator, "replay_all")
    assert len(drain(events_queue())) == 105


def test_selected_dead_letters_are_discarded(operator: Client) -> None:
    message_id = send_dead_letter("a")
    send_dead_letter("b")
    assert "1 dead letter was discarded." in act(operator, "discard", message_id)
    assert (bodies(events_queue()), bodies(dlq())) == ([], ["b"])


def test_all_dead_letters_are_discarded(operator: Client) -> None:
    send_dead_letter("a", conf().tasks_queue)
    send_dead_letter("b")
    assert "1 dead letter was discarded." in act(operator, "discard_all", path=TASKS)
    assert bodies(dlq()) == ["b"]


def test_a_dead_letter_that_has_vanished_is_reported_and_the_others_are_processed(
    operator: Client,
) -> None:
    here, gone = send_dead_letter("here"), str(uuid.uuid4())
    messages = act(operator, "replay", gone, here)
    assert "1 dead letter was replayed." in messages
    assert f"No longer in the queue, or currently being processed: {gone}." in messages
    assert here not in messages


def test_an_empty_selection_is_reported(operator: Client) -> None:
    send_dead_letter("x")
    for form in ({"action": "discard"}, {}, {"action": "burn_all"}, {"action": "discard_some"}):
        response = operator.post(EVENTS, form, follow=True)
        assert "no dead letters were selected" in response.content.decode()
    assert sqs.depth(dlq()).visible == 1


def test_a_forged_id_is_neither_looked_up_nor_shown(operator: Client) -> None:
    messages = act(operator, "discard", "<b>", "x" * 5000)
    assert "no dead letters were selected" in messages
    assert "<b>" not in messages


def test_every_action_is_in_the_admins_log(operator: Client) -> None:
    message_id = send_dead_letter("a")
    act(operator, "replay", message_id)
    other = send_dead_letter("b")
    act(operator, "discard", other)
    messages = [f"Replayed 1 dead letters: {message_id}", f"Discarded 1 dead letters: {other}"]
    entries = LogEntry.objects.order_by("pk")
    assert [entry.object_id for entry in entries] == [dlq(), dlq()]
    assert [entry.change_message for entry in entries] == messages
    audited = AuditEntry.objects.filter(object_id=dlq()).order_by("pk")
    assert [(entry.action, entry.detail) for entry in audited] == [
        ("dead_letters_replayed", messages[0]),
        ("dead_letters_discarded", messages[1]),
    ]
    assert message_id in page(operator, f"{OVERVIEW}{dlq()}/history/")
    assert operator.get(f"{OVERVIEW}{dlq()}/change/")["Location"] == EVENTS


def test_what_failed_is_not_in_the_log(operator: Client) -> None:
    act(operator, "replay", str(uuid.uuid4()))
    assert not LogEntry.objects.exists()


# Outages


@pytest.mark.parametrize("path", [OVERVIEW, EVENTS, TASKS])
def test_an_outage_is_reported_in_one_sentence(operator: Client, path: str) -> None:
    with before("GetQueueAttributes", break_connection):
        content = page(operator, path, 503)
    assert "The queues cannot be reached at the moment. Their messages are safe" in content


def test_an_action_during_an_outage_is_reported_and_loses_nothing(operator: Client) -> None:
    send_dead_letter("x")
    with before("SendMessageBatch", break_connection):
        messages = act(operator, "replay_all")
    assert "Nothing was changed or lost." in messages
    assert sqs.depth(dlq()).visible == 1
    with before("GetQueueAttributes", break_connection):
        response = operator.post(EVENTS, {"action": "replay_all"})
    assert response.status_code == 302


def test_an_outage_half_way_reports_what_was_done(operator: Client) -> None:
    for number in range(15):
        send_dead_letter(str(number))
    calls: list[None] = []

    def second() -> None:
        calls.append(None)
        if len(calls) == 2:
            break_connection()

    with before("SendMessageBatch", second):
        messages = act(operator, "replay_all")
    assert "10 dead letters were replayed." in messages
    assert "Stopped early" in messages
    assert sqs.depth(dlq()).visible == 5


def test_the_page_works_without_cloudwatch(operator: Client, settings: Settings) -> None:
    clients.sqs().send_message(QueueUrl=sqs.url(events_queue()), MessageBody="x")
    settings.FILEHUB = settings.FILEHUB | {
        "ENDPOINT_URL": "http://127.0.0.1:9",
        "ENDPOINT_URL_SQS": conf().endpoint_url,
        "ENDPOINT_URL_DYNAMODB": conf().endpoint_url,
    }
    assert "unknown" in page(operator, OVERVIEW)


def test_the_page_works_without_the_errors_of_tasks(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_dead_letter(celery_body([]), conf().tasks_queue)
    monkeypatch.setattr(TaskFailure.Meta, "table_name", "no-such-table")
    monkeypatch.setattr(TaskFailure, "_connection", None)
    assert "uploads.tasks.confirm_objects" in page(operator, TASKS)
