"""Generated requests of every operation get no error of the server and no undocumented answer."""

from __future__ import annotations

import json
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from hypothesis import strategies
from schemathesis import Case, GenerationMode, checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.aws import LocalAws
from tests.support.files import store
from tests.support.users import script_of
from uploads.accounts import api_tokens, owners
from uploads.core.limits import MIB
from uploads.files import trash
from uploads.files.batches import Actor
from uploads.transfers import begin
from uploads.transfers.begin import FileRequest

ORIGIN = "http://testserver"
CHECKS = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
VALID, INVALID = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


#: The headers and cookies of a request.
Credentials = dict[str, dict[str, str]]


def session_of(user: User) -> Credentials:
    """A script of a page that this user has open."""
    csrf = "0123456789abcdef" * 2
    cookies = {name: morsel.value for name, morsel in script_of(user).cookies.items()}
    return {"headers": {"X-CSRFToken": csrf}, "cookies": {**cookies, "csrftoken": csrf}}


def token_of(user: User) -> Credentials:
    return {"headers": {"Authorization": f"Bearer {api_tokens.create(user)}"}}


class Targets:
    """What exists, so that generated requests are not only about unknown ids."""

    def __init__(self, user: User) -> None:
        self.owner = owners.owner_of(user)
        actor = Actor(self.owner, self.owner)
        self.token, parts_id = "", ""
        begun = begin.begin_upload(self.owner, FileRequest("a", 6 * MIB, part_size=5 * MIB))
        if isinstance(begun, begin.StartedMultipart):
            self.token, parts_id = begun.token.sign(), begun.upload_id
        self.ids = [store(self.owner, name, folder="a") for name in "abc"]
        trash.move_to_trash(self.ids[:1], actor)
        trash.delete(self.ids[1:2], actor)
        self.ids.append(parts_id)

    def put_into(self, case: Case, index: int, uses_token: bool) -> None:
        """Replace generated ids and tokens with real ones."""
        if index < len(self.ids) and case.path_parameters:
            case.path_parameters = dict.fromkeys(case.path_parameters, self.ids[index])
        if not uses_token:
            return
        if isinstance(case.query, dict) and "token" in case.query:
            case.query["token"] = self.token
        if isinstance(case.body, dict) and "token" in case.body:
            case.body["token"] = self.token


@pytest.mark.parametrize(
    ("credentials_of", "modes", "examples"),
    [
        (token_of, [VALID], 2),
        (session_of, [INVALID], 2),
        pytest.param(token_of, [VALID, INVALID], 100, marks=pytest.mark.exhaustive),
        pytest.param(session_of, [VALID, INVALID], 100, marks=pytest.mark.exhaustive),
    ],
)
def test_every_operation_answers_as_it_is_described(
    aws: LocalAws, alice: User, credentials_of: Any, modes: list[GenerationMode], examples: int
) -> None:
    credentials = credentials_of(alice)
    targets = Targets(alice)
    application = get_wsgi_application()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
    called = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in modes:
            if mode == VALID or operation.body or operation.query:
                called += call(operation, mode, examples, credentials, targets)
    assert called >= 10 * examples


def call(
    operation: Any, mode: GenerationMode, examples: int, credentials: Credentials, targets: Targets
) -> int:
    """Send generated requests of one operation; return how many."""
    called = 0

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        case=operation.as_strategy(mode),
        index=strategies.integers(0, 4),
        uses_token=strategies.booleans(),
    )
    def send(case: Case, index: int, uses_token: bool) -> None:
        nonlocal called
        called += 1
        targets.put_into(case, index, uses_token)
        # Generated from the description of the credentials, which are ours.
        case.headers.pop("Authorization", None)
        case.cookies.clear()
        response = case.call(**credentials)
        about = json.dumps({"status": response.status_code, "body": response.text[:300]})
        assert response.status_code != 401, about
        case.validate_response(response, checks=CHECKS)

    send()
    return called
