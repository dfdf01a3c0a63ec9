"""The mail server, as one URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import getaddresses
from typing import Any
from urllib.parse import unquote, urlsplit

from uploads.core.setting_values import is_local
from uploads.core.sign_in_conf import NO_MAIL

#: Seconds. Mail is sent in the background, but its threads are few.
TIMEOUT = 20
#: Scheme -> port. `smtp` begins with STARTTLS, `smtps` with TLS; `smtp+plain` is never encrypted.
_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
_INVALID = "it is not the URL of a mail server such as smtp://user:password@host:587"


@dataclass(frozen=True)
class Server:
    """What Django needs to send mail. Without a server, nothing is sent."""

    backend: str = NO_MAIL
    host: str = "localhost"
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    use_starttls: bool = False
    use_tls: bool = False


def server_of(url: str | None) -> Server:
    """Parse a URL; None for no server.

    Raises ValueError, whose text never has the URL, because that may contain a password.
    """
    if url is None:
        return Server()
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise ValueError(_INVALID) from None
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(_INVALID)
    return Server(
        backend="django.core.mail.backends.smtp.EmailBackend",
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_starttls=parts.scheme == "smtp",
        use_tls=parts.scheme == "smtps",
    )


def is_sender(text: str) -> bool:
    """Whether a text is one address, with a name before it or without."""
    addresses = [address for _, address in getaddresses([text])]
    return text.isprintable() and [bool(_ADDRESS.fullmatch(a)) for a in addresses] == [True]


def is_exposed(settings: Any) -> bool:
    """Whether mail, and so links to reset passwords, crosses a network without encryption."""
    encrypted = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
    return settings.EMAIL_BACKEND != NO_MAIL and not encrypted and not is_local(settings.EMAIL_HOST)
