"""A forgotten password is reset by mail, through a real mail server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.contrib.auth.models import User
from pytest_django import Settings

from filehub import mail
from local.aws import free_port
from tests.support.users import PASSWORD, signed_in
from tests.support.waiting import wait_for
from tests.web.sign_in.attempts import NEW_PASSWORD, browser, fail, sign_in
from uploads.core.sign_in_conf import NO_MAIL
from uploads.web import password

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_static_files")]

ADDRESS = "alice@example.com"


class Mailbox:
    """What a mail server has received."""

    def __init__(self) -> None:
        self.messages: list[Message[str, str]] = []
        self.refusal = ""

    async def receive(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refusal:
            return self.refusal
        assert isinstance(envelope.content, bytes)
        self.messages.append(message_from_bytes(envelope.content))
        return "250 OK"

    def link(self) -> str:
        """The path of the link in the latest mail."""
        wait_for(lambda: self.messages)
        payload = self.messages[-1].get_payload(decode=True)
        assert isinstance(payload, bytes)
        found = re.search(r"http://testserver(\S+)", payload.decode())
        assert found, payload
        return found[1]


@pytest.fixture(scope="module")
def _server() -> Iterator[tuple[Controller, Mailbox]]:
    mailbox = Mailbox()
    handler = SimpleNamespace(handle_DATA=mailbox.receive)
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller, mailbox
    controller.stop()


@pytest.fixture
def mailbox(_server: tuple[Controller, Mailbox], settings: Settings) -> Iterator[Mailbox]:
    controller, mailbox = _server
    use(settings, f"smtp+plain://127.0.0.1:{controller.port}")
    mailbox.messages, mailbox.refusal = [], ""
    yield mailbox
    all_sent()


def all_sent() -> None:
    """Wait until every mail that was asked for has been sent: one thread sends them, in order."""
    password._senders().submit(int).result(60)


def use(settings: Settings, url: str | None) -> None:
    """Use a mail server, as filehub/settings.py does."""
    server = mail.server_of(url)
    settings.EMAIL_BACKEND = server.backend
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.host, server.port
    settings.DEFAULT_FROM_EMAIL = "filehub <filehub@example.com>"


@pytest.fixture
def alice(alice: User) -> User:
    alice.email = ADDRESS
    alice.save()
    return alice


def ask(address: str = ADDRESS) -> Any:
    return browser().post("/accounts/password/reset/", {"email": address})


def choose(path: str, password: str = NEW_PASSWORD) -> Any:
    client = browser()
    response = client.get(path)
    if response.status_code != 302:
        return response
    fields = {"new_password1": password, "new_password2": password}
    return client.post(response["Location"], fields)


def test_the_link_in_the_mail_sets_a_new_password(alice: User, mailbox: Mailbox) -> None:
    other_browser = signed_in(alice)
    response = ask()
    assert (response.status_code, response["Location"]) == (302, "/accounts/password/reset/sent/")
    link = mailbox.link()
    (message,) = mailbox.messages
    assert message["To"] == ADDRESS
    assert message["From"] == "filehub <filehub@example.com>"
    assert message["Subject"] == "Choose a new password for filehub"
    fail("alice", 3)  # A lock after failed attempts ends, too.
    assert choose(link)["Location"] == "/accounts/password/reset/done/"
    assert sign_in("alice", NEW_PASSWORD).status_code == 302
    assert sign_in("alice", PASSWORD).status_code == 200
    assert other_browser.get("/accounts/password/").status_code == 302
    # It works once.
    text = choose(link, "one-more-password").content.decode()
    assert "This link no longer works" in text


def test_a_link_expires(alice: User, mailbox: Mailbox) -> None:
    ask()
    link = mailbox.link()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=3, minutes=5)):
        assert "no longer works" in choose(link).content.decode()


@pytest.mark.parametrize(
    "link", ["/accounts/password/reset/MQ/x-y/", "/accounts/password/reset/§/%00/"]
)
def test_an_invented_link_does_not_work(alice: User, mailbox: Mailbox, link: str) -> None:
    assert "no longer works" in choose(link).content.decode()


def test_a_weak_password_is_refused(alice: User, mailbox: Mailbox) -> None:
    ask()
    response = choose(mailbox.link(), "12345678")
    assert response.status_code == 200
    assert "Your password was not changed" in response.content.decode()


def _inactive(user: User) -> None:
    user.is_active = False


def _without_password(user: User) -> None:
    """As users of single sign-on are."""
    user.set_unusable_password()


def _elsewhere(user: User) -> None:
    user.email = "someone@example.com"


def _similar(user: User) -> None:
    """Dotless: databases and mail servers fold it differently."""
    user.email = "al\u0131ce@example.com"


@pytest.mark.parametrize("change", [_inactive, _without_password, _elsewhere, _similar])
def test_who_has_no_password_here_gets_no_mail_and_the_same_response(
    alice: User, bob: User, mailbox: Mailbox, change: Any
) -> None:
    change(alice)
    alice.save()
    bob.email = "bob@example.com"
    bob.save()
    response = ask()
    known = ask("bob@example.com")
    assert (response.status_code, response["Location"]) == (known.status_code, known["Location"])
    all_sent()
    assert [message["To"] for message in mailbox.messages] == ["bob@example.com"]


@pytest.mark.parametrize("address", ["", "alice", "a@b@c", "alice@example.com\r\nBcc: x@y.z", "\0"])
def test_what_is_no_address_is_refused(alice: User, mailbox: Mailbox, address: str) -> None:
    assert ask(address).status_code == 200
    all_sent()
    assert mailbox.messages == []


def test_neither_a_mailbox_nor_the_server_is_flooded(alice: User, mailbox: Mailbox) -> None:
    """The rates of the tests are three for a user and six for an address."""
    assert [ask().status_code for _ in range(4)] == [302, 302, 302, 429]
    # Whether there is such a user makes no difference.
    assert [ask("nobody@example.com").status_code for _ in range(3)] == [302, 302, 429]


def test_a_mail_server_that_is_away_or_refuses_is_logged_without_the_link(
    alice: User, mailbox: Mailbox, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox.refusal = "550 mailbox unavailable"
    assert ask().status_code == 302
    wait_for(lambda: len(failures(caplog)) == 1)
    use(settings, f"smtp+plain://127.0.0.1:{free_port()}")
    assert ask().status_code == 302
    wait_for(lambda: len(failures(caplog)) == 2)
    assert set(failures(caplog)) == {f"Failed to send password reset email to {alice.pk}"}
    assert "/accounts/password/reset/M" not in caplog.text


def failures(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if message.startswith("Failed to send")]


def test_without_a_mail_server_there_are_no_such_pages(settings: Settings) -> None:
    settings.EMAIL_BACKEND = NO_MAIL
    assert browser().get("/accounts/password/reset/").status_code == 404
    assert "Forgot your password?" not in browser().get("/accounts/login/").content.decode()
