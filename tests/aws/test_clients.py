"""All clients of AWS share what botocore loads for them."""

from __future__ import annotations

from collections.abc import Callable

import boto3
import botocore.session
import pytest

from uploads.aws import clients, dynamodb
from uploads.files.record import StoredFile
from uploads.files.usage import Counter
from uploads.ingest.task_failures import TaskFailure


@pytest.mark.parametrize(
    "session",
    [
        lambda: dynamodb.connection().session,
        lambda: StoredFile._get_connection().connection.session,
        lambda: Counter._get_connection().connection.session,
        lambda: TaskFailure._get_connection().connection.session,
        lambda: boto3.Session()._session,
        botocore.session.get_session,
    ],
    ids=["transactions", "files", "counters", "failures", "boto3", "botocore"],
)
def test_every_session_reads_the_descriptions_of_services_from_one_loader(
    session: Callable[[], botocore.session.Session],
) -> None:
    shared = clients.session("us-east-1")._session.get_component("data_loader")
    assert session().get_component("data_loader") is shared
    # It still works: this reads a file.
    assert shared.load_service_model("dynamodb", "service-2")["metadata"]["serviceId"] == "DynamoDB"
