"""doctor expects what infra/filehub.yaml creates."""

from __future__ import annotations

from tests.operations.doctor.helpers import follow
from tests.support.policies import client
from tests.support.template import render
from uploads.aws import s3
from uploads.core import limits
from uploads.core.conf import Conf
from uploads.core.fields import FieldRules
from uploads.core.labels import Labels
from uploads.operations.doctor import (
    bucket,
    expected,
)
from uploads.transfers.begin import FileRequest


def test_doctor_expects_the_bucket_to_allow_the_headers_that_are_signed() -> None:
    labels, field = Labels(("a",), "{}"), FieldRules("shop.photo", ("image/*",))
    file = FileRequest("a.txt", labels=labels, destination="press", field=field)
    signed = set(s3.metadata_headers("7", "a.txt", "Photos", file.extra_metadata))
    assert signed == {name for name in expected.CORS_HEADERS if "meta" in name}


def test_doctor_expects_what_the_template_creates() -> None:
    resources = render()["Resources"]
    bucket_ = resources["Bucket"]["Properties"]
    assert set(bucket_["PublicAccessBlockConfiguration"]) == set(expected.PUBLIC_ACCESS_BLOCK)
    notified = bucket_["NotificationConfiguration"]["QueueConfigurations"]
    assert {notification["Event"] for notification in notified} == set(expected.EVENTS)
    rule = bucket_["LifecycleConfiguration"]["Rules"][0]
    days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
    assert days == expected.ABORT_AFTER > limits.MULTIPART_LIFETIME.days
    for name, receives in (
        ("Events", expected.EVENTS_RECEIVES),
        ("Tasks", expected.TASKS_RECEIVES),
    ):
        queue = resources[f"{name}Queue"]["Properties"]
        assert queue["RedrivePolicy"]["maxReceiveCount"] == receives
        for properties in (queue, resources[f"{name}DeadLetters"]["Properties"]):
            assert properties["MessageRetentionPeriod"] == expected.RETENTION
    hidden = resources["EventsQueue"]["Properties"]["VisibilityTimeout"]
    assert hidden == expected.EVENTS_VISIBILITY


def test_doctor_suggests_the_cors_rule_of_the_template(own_installation: Conf) -> None:
    s3 = client("s3")
    made = s3.get_bucket_cors(Bucket=own_installation.bucket)["CORSRules"]
    s3.delete_bucket_cors(Bucket=own_installation.bucket)
    (advice,) = [finding.fix for finding in bucket.inspect() if finding.subject == "bucket, CORS"]
    follow(advice)
    assert s3.get_bucket_cors(Bucket=own_installation.bucket)["CORSRules"] == made
