"""Messages in the events queue cannot make filehub fetch an address."""

from __future__ import annotations

import json
import socket

import pytest

from local.aws import LocalAws
from tests.support.local_aws import drain
from tests.support.waiting import wait_for
from uploads.aws import clients, sqs
from uploads.core.conf import conf
from uploads.ingest.consumer import Consumer

# Pages that need no AWS need static files too.
pytestmark = pytest.mark.usefixtures("_static_files")


def test_the_address_in_a_message_is_never_fetched(aws: LocalAws) -> None:
    """SNS sends an address to confirm a subscription; a sender could name any address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/?Action=ConfirmSubscription"
        body = {
            "Type": "SubscriptionConfirmation", "SubscribeURL": url, "UnsubscribeURL": url,
            "SigningCertURL": url, "Message": url, "TopicArn": "arn:aws:sns:us-east-1:0:x",
            "Token": "x",
        }  # fmt: skip
        clients.sqs().send_message(
            QueueUrl=sqs.url(conf().events_queue), MessageBody=json.dumps(body)
        )
        wait_for(lambda: Consumer().step())
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert drain(conf().events_queue) == []
