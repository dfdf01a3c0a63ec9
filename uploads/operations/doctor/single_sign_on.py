"""Check that the provider of single sign-on can be reached, and is the one that is configured."""

from __future__ import annotations

from collections.abc import Iterator

from uploads.accounts.oidc import flow, http
from uploads.accounts.oidc.errors import UNAVAILABLE, SignInFailed
from uploads.core.conf import conf
from uploads.operations.doctor.finding import Finding

_SUBJECT = "single sign-on"


def inspect() -> Iterator[Finding]:
    """Read the provider's addresses and keys. Nothing without a provider."""
    if not conf().has_single_sign_on:
        return
    provider = flow.provider()
    try:
        http.within_limit(provider.keys)
    except SignInFailed as exc:
        fix = (
            "Check the network and its proxy, and SSL_CERT_FILE for certificates of your own."
            if exc.problem is UNAVAILABLE
            else "Set FILEHUB_OIDC_ISSUER to exactly what the provider calls itself."
        )
        yield Finding("FAIL", _SUBJECT, f"{exc.detail}.", fix)
        return
    yield Finding("ok", _SUBJECT, f"{provider.name} responds, and its keys can be read.")
