"""Where the site is, and the token: from the environment, a file, or the caller."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from filehub_client.errors import ConfigurationError

URL, TOKEN, TOKEN_FILE = "FILEHUB_URL", "FILEHUB_TOKEN", "FILEHUB_TOKEN_FILE"
#: Bytes. Far more than any token, so that a wrong file is not read as a whole.
_MAX_TOKEN_FILE = 10_000


@dataclass(frozen=True)
class Site:
    """A site and a user's token for it. The URL has no slash at its end."""

    url: str
    token: str = field(repr=False)


def site(
    url: str | None = None,
    token: str | None = None,
    token_file: str | Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> Site:
    """The site and token from these arguments, or else from the environment.

    A token that is given, or the file that is given, has precedence over the environment, and the
    variable with the token over the one with the file. Raises ConfigurationError, whose text never
    contains the token.
    """
    environment = os.environ if environment is None else environment
    url = url or environment.get(URL, "")
    if not token and token_file:
        token = _read(Path(token_file))
    token = token or environment.get(TOKEN, "")
    if not token and environment.get(TOKEN_FILE):
        token = _read(Path(environment[TOKEN_FILE]))
    return Site(_valid_url(url), _valid_token(token))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_TOKEN_FILE).decode("ascii", "replace")
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not a valid path"
        raise ConfigurationError(f"The token file {path} cannot be read: {reason}.") from None


def _valid_url(url: str) -> str:
    if not url:
        raise ConfigurationError(f"Set {URL} to the address of the site.", code="missing_url")
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        parts, has_port = urlsplit(""), False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not has_port:
        raise ConfigurationError("The address of the site must begin with https:// or http://.")
    # Not shown: it may contain a password.
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ConfigurationError(
            "The address of the site must have no user name, password, query or fragment."
        )
    return url.rstrip("/")


def _valid_token(token: str) -> str:
    token = token.strip()
    if not token:
        raise ConfigurationError(
            f"Set {TOKEN_FILE} to a file with an API token, or {TOKEN} to the token.",
            code="missing_token",
        )
    if not all("!" <= char <= "~" for char in token):
        raise ConfigurationError("The token contains characters that no API token has.")
    return token
