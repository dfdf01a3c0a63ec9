"""Credentials that a request does not wait for longer than its time limit.

botocore fetches the credentials of a role before it signs a request, from the container's or the
machine's endpoint, from STS or from a program. A service that does not respond, or a lock that
other requests are waiting for too, would hold the request. So within `time_limit.limited` they are
fetched in a thread, and every request that needs them waits for as long as it may. Once fetched,
they serve later requests. Without a limit, botocore fetches them as usual.

`attach` has all sessions use these credentials.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.credentials import (
    CredentialResolver,
    Credentials,
    ReadOnlyCredentials,
    RefreshableCredentials,
    create_credential_resolver,
)
from botocore.exceptions import NoCredentialsError
from botocore.session import Session

from uploads.aws import time_limit
from uploads.core.conf import conf
from uploads.core.single_flight import SingleFlight

#: Seconds before they expire from which credentials must be replaced, as in botocore, which starts
#: to replace them five minutes earlier.
_MUST_BE_REPLACED = 10 * 60


class SessionCredentials(Credentials):
    """The credentials of a session. They are fetched when first needed."""

    # Without that of the base class, which needs them already.
    def __init__(self, load: Callable[[], Credentials | None]) -> None:
        self._load = load
        self._loaded: Credentials | None = None
        self._latest: ReadOnlyCredentials | None = None
        self._flight: SingleFlight[ReadOnlyCredentials] = SingleFlight()

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Raises NoCredentialsError, other BotoCoreErrors, and those of the time limit."""
        limit = time_limit.current()
        if limit is None or not self._is_due(None):
            return self._fetch()
        fetching = self._flight.start("credentials", self._fetch)
        if self._latest is not None and not self._is_due(_MUST_BE_REPLACED):
            return self._latest
        return limit.result_of(fetching)

    def _is_due(self, seconds: int | None) -> bool:
        """Whether they must be fetched: `seconds` before they expire, or when botocore does it."""
        if isinstance(self._loaded, RefreshableCredentials):
            return self._loaded.refresh_needed(seconds)
        return self._loaded is None

    def _fetch(self) -> ReadOnlyCredentials:
        # Without a lock, because a process may fork while another thread holds it.
        loaded = self._loaded = self._loaded or self._load()
        if loaded is None:
            raise NoCredentialsError
        self._latest = loaded.get_frozen_credentials()
        return self._latest

    def __getattr__(self, name: str) -> Any:
        """What other code in the process may read of botocore's credentials: `access_key` etc."""
        if name in ReadOnlyCredentials._fields:
            return getattr(self.get_frozen_credentials(), name)
        if name == "method":
            # botocore reads it when it creates a client, before they are needed.
            return None if self._loaded is None else self._loaded.method
        raise AttributeError(name)


class _Provider:
    """botocore's component that finds the credentials of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._changed: CredentialResolver | None = None

    def load_credentials(self) -> SessionCredentials:
        return SessionCredentials(self._load)

    def _load(self) -> Credentials | None:
        # A resolver loads only once: it remembers the profiles that it has visited, and takes them
        # for a loop the next time.
        return (self._changed or self._resolver()).load_credentials()

    def _resolver(self) -> CredentialResolver:
        region = self._session.get_config_variable("region") or conf().region
        return create_credential_resolver(self._session, region_name=region)

    def __getattr__(self, name: str) -> Any:
        """What other code uses of botocore's resolver, such as `insert_before`.

        From then on its changes apply, as with botocore, and the resolver is kept.
        """
        if not hasattr(CredentialResolver([]), name):
            raise AttributeError(name)
        self._changed = self._changed or self._resolver()
        return getattr(self._changed, name)


def attach(session: Session) -> None:
    """Make a new session use these credentials."""
    session.register_component("credential_provider", _Provider(session))
