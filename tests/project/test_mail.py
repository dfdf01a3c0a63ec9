"""EMAIL_URL: what becomes of it."""

from __future__ import annotations

import pytest

from filehub import env
from filehub.env import InvalidEnvironment
from filehub.mail import Server, server_of
from uploads.core.sign_in_conf import NO_MAIL

SMTP = "django.core.mail.backends.smtp.EmailBackend"

SERVERS: dict[str | None, Server] = {
    None: Server(NO_MAIL),
    "smtp://h": Server(SMTP, "h", 587, use_starttls=True),
    "smtps://h": Server(SMTP, "h", 465, use_tls=True),
    "smtp+plain://localhost": Server(SMTP, "localhost", 25),
    "smtp://h:2525/": Server(SMTP, "h", 2525, use_starttls=True),
    "smtp://a%40b.example:p%3A%2F%20@h": Server(
        SMTP, "h", 587, "a@b.example", "p:/ ", use_starttls=True
    ),
    "smtps://[::1]:465": Server(SMTP, "::1", 465, use_tls=True),
}


@pytest.mark.parametrize(("url", "server"), SERVERS.items())
def test_a_url_is_a_server(url: str | None, server: Server) -> None:
    assert server_of(url) == server


def test_the_password_is_not_in_the_representation() -> None:
    assert "hunter2" not in repr(server_of("smtp://u:hunter2@h"))


@pytest.mark.usefixtures("bare_environment")
def test_a_server_without_a_sender_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_URL", "smtp://h")
    with pytest.raises(InvalidEnvironment, match="EMAIL_FROM is wrong: it is not set, but"):
        env.load()
    monkeypatch.setenv("EMAIL_FROM", "filehub@example.com")
    assert env.load().email_url == "smtp://h"
