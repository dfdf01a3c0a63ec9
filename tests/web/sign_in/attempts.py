"""Attempts to sign in, from different addresses."""

from __future__ import annotations

from typing import Any

from django.test import Client

from tests.support.users import PASSWORD

HOME = "203.0.113.7"
ELSEWHERE = "198.51.100.9"
NEW_PASSWORD = "another-demo-password"


def browser(address: str = HOME) -> Client:
    return Client(headers={"Accept": "text/html"}, REMOTE_ADDR=address)


def sign_in(
    name: str, password: str = PASSWORD, *, address: str = HOME, path: str = "/accounts/login/"
) -> Any:
    return browser(address).post(path, {"username": name, "password": password})


def fail(name: str, times: int, address: str = HOME) -> None:
    for _ in range(times):
        assert sign_in(name, "wrong", address=address).status_code == 200
