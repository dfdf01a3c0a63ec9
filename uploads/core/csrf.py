"""How scripts read and send the token against cross-site requests, as the project sets it."""

from django.conf import settings


def cookie() -> str:
    """Return the name of the cookie with the CSRF token; "" if scripts cannot read it."""
    unreadable = settings.CSRF_USE_SESSIONS or settings.CSRF_COOKIE_HTTPONLY
    return "" if unreadable else settings.CSRF_COOKIE_NAME


def header() -> str:
    """Return the name of the header with the CSRF token, as clients send it."""
    return settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-")
