"""Rate limits for signing requests, per user and per IP address (see `uploads.web.rates`)."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.throttling import BaseThrottle

from uploads.accounts import owners
from uploads.accounts.requests import user_of
from uploads.core.conf import conf
from uploads.core.errors import RateLimited
from uploads.web.rates import address_of, hit

#: Key in `request.META` for the seconds after which to retry a refused request.
_RETRY_AFTER = "filehub.retry_after"


class UserRate(BaseThrottle):
    """Limit the requests of each user, however they authenticate."""

    def allow_request(self, request: HttpRequest) -> bool:
        return _hit(request, "user", owners.owner_of(user_of(request)), conf().sign_rate_user)


class AddressRate(BaseThrottle):
    """Limit the requests from each IP address."""

    def __init__(self, group: str) -> None:
        self._group = group

    def allow_request(self, request: HttpRequest) -> bool:
        return _hit(request, self._group, address_of(request), conf().sign_rate_address)


#: Throttles for the routes that sign requests.
SIGN_RATES = [AddressRate("address"), UserRate()]
#: For requests that fail to authenticate, on every route. ninja throttles only the others. They
#: are counted apart, so that anonymous requests cannot use up what users at the address may send.
UNAUTHENTICATED_RATE = AddressRate("unauthenticated")


def rate_limited(request: HttpRequest) -> RateLimited:
    """Return the error for a request that a throttle refused."""
    return RateLimited(request.META.get(_RETRY_AFTER, 1))


def _hit(request: HttpRequest, group: str, caller: str, rate: str | None) -> bool:
    """Count a request and return whether it is within the rate."""
    wait = hit(f"sign-{group}", caller, rate)
    if not wait:
        return True
    # Kept on the request, because all threads share the throttle.
    request.META[_RETRY_AFTER] = max(wait, request.META.get(_RETRY_AFTER, 0))
    return False
