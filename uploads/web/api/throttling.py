"""Rate limits for signing requests, per user and per IP address (see `uploads.web.rates`)."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.throttling import BaseThrottle

from uploads.accounts import addresses, owners
from uploads.accounts.requests import user_of
from uploads.core.conf import conf
from uploads.core.errors import RateLimited
from uploads.web import rates

#: Key in `request.META` for the seconds after which to retry a refused request.
_RETRY_AFTER = "filehub.retry_after"


class UserRate(BaseThrottle):
    """Limit the requests of each user, however they authenticate."""

    def allow_request(self, request: HttpRequest) -> bool:
        return _is_allowed(request, self.count(request, 1))

    def count(self, request: HttpRequest, requests: int) -> rates.Count:
        """Count a number of requests at once."""
        user = owners.owner_of(user_of(request))
        return rates.count("sign-user", user, conf().sign_rate_user, requests)


class AddressRate(BaseThrottle):
    """Limit the requests from each IP address."""

    def __init__(self, group: str) -> None:
        self._group = f"sign-{group}"

    def allow_request(self, request: HttpRequest) -> bool:
        return _is_allowed(request, self.count(request, 1))

    def count(self, request: HttpRequest, requests: int) -> rates.Count:
        """Count a number of requests at once."""
        address = addresses.network_of(request)
        return rates.count(self._group, address, conf().sign_rate_address, requests)


_ADDRESS_RATE, _USER_RATE = AddressRate("address"), UserRate()
#: Throttles for the routes that sign one request.
SIGN_RATES = [_ADDRESS_RATE, _USER_RATE]
#: For requests that fail to authenticate, on every route. ninja throttles only the others. They
#: are counted apart, so that anonymous requests cannot use up what users at the address may send.
UNAUTHENTICATED_RATE = AddressRate("unauthenticated")


def count_signatures(request: HttpRequest, requests: int) -> rates.Count:
    """Count a number of requests for signatures: those within both rates, and the longest wait."""
    counts = [rate.count(request, requests) for rate in (_ADDRESS_RATE, _USER_RATE)]
    return rates.Count(
        within=min(counted.within for counted in counts),
        wait=max(counted.wait for counted in counts),
    )


def rate_limited(request: HttpRequest) -> RateLimited:
    """Return the error for a request that a throttle refused."""
    return RateLimited(request.META.get(_RETRY_AFTER, 1))


def _is_allowed(request: HttpRequest, counted: rates.Count) -> bool:
    # Kept on the request, because all threads share the throttle.
    request.META[_RETRY_AFTER] = max(counted.wait, request.META.get(_RETRY_AFTER, 0))
    return not counted.wait
