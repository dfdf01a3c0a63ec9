"""Where webhooks may go."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from uploads.integrations.webhooks import addresses


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111"])
def test_public_addresses(address: str) -> None:
    assert addresses.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1",
        "172.31.255.255", "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.64.0.1",
        "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "224.0.1.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:1.1.1.1", "::127.0.0.1", "fe80::1", "fe80::1%eth0",
        "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1", "2001:db8::1",
        "2002:7f00:1::", "2002:a9fe:a9fe::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "100::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not addresses.is_public(address)


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0", "::1",
     "::ffff:127.0.0.1", "169.254.169.254", "[::1]"],
)  # fmt: skip
def test_no_spelling_of_a_private_address_is_accepted(host: str) -> None:
    with pytest.raises((addresses.RefusedAddress, addresses.UnknownName)):
        addresses.resolve(host, 80, 10)


@pytest.mark.parametrize("answers", [["1.1.1.1", "127.0.0.1"], ["127.0.0.1", "1.1.1.1"]])
def test_a_name_with_one_private_address_is_refused(
    answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(2, 1, 6, "", (answer, 443)) for answer in answers]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(addresses.RefusedAddress):
        addresses.resolve("example.com", 443, 10)


@pytest.mark.parametrize(
    ("url", "normally", "in_development"),
    [
        ("https://example.com/hook?a=b", True, True),
        ("https://example.com:8443/", True, True),
        ("https://[2606:4700::1111]/", True, True),
        ("http://example.com/", False, True),
        ("http://127.0.0.1:8000/", False, True),
        ("ftp://example.com/", False, False),
        ("file:///etc/passwd", False, False),
        ("https:///hook", False, False),
        ("https://user:password@example.com/", False, False),
        ("https://user@example.com/", False, False),
        ("https://example.com/#a", False, False),
        ("https://example.com:0/", False, False),
        ("https://example.com:99999/", False, False),
        ("https://exa mple.com/", False, False),
        ("https://example.com\\@127.0.0.1/", False, False),
        ("https://example.com/\r\nX: y", False, False),
        ("https://[::1", False, False),
        (f"https://example.com/{'a' * 500}", False, False),
        ("", False, False),
    ],
)
def test_urls(url: str, normally: bool, in_development: bool, settings: Settings) -> None:
    assert addresses.is_allowed_url(url) is normally
    settings.FILEHUB = settings.FILEHUB | {"WEBHOOK_PRIVATE_ADDRESSES": "on"}
    assert addresses.is_allowed_url(url) is in_development
