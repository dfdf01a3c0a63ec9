"""The bucket, and what it is set to. IAM: s3:ListBucket and the reads of the operator's policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.keys import PREFIX, object_key
from uploads.core.limits import MULTIPART_LIFETIME
from uploads.operations.doctor import expected, http
from uploads.operations.doctor.finding import Finding, code_of, guarded, is_denied

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KEY = object_key("00000000-0000-7000-8000-000000000000")
_ABORT = "AbortIncompleteMultipartUpload"
#: What a lifecycle rule may have besides that which it does.
_NO_ACTIONS = {"ID", "Status", "Filter", "Prefix"}


def inspect() -> Iterator[Finding]:
    """The bucket itself first; without it there is nothing else to look at."""
    s3 = clients.s3(clients.DIAGNOSIS)
    found = list(guarded("bucket", partial(_itself, s3)))
    yield from found
    if any(finding.level == "FAIL" for finding in found):
        return
    for subject, check in (
        ("bucket, public access", _public_access),
        ("bucket, encryption", _encryption),
        ("bucket, versions", _versions),
        ("bucket, lifecycle", _lifecycle),
        ("bucket, CORS", _cors),
    ):
        yield from guarded(subject, partial(check, s3))
    yield from guarded("bucket, CORS as a browser asks", _preflight)


def _itself(s3: S3Client) -> Iterator[Finding]:
    name, region = conf().bucket, conf().region
    try:
        answer = s3.head_bucket(Bucket=name)
    except ClientError as exc:
        if code_of(exc) in {"404", "NoSuchBucket"}:
            yield Finding(
                "FAIL", "bucket", f"there is no {name}.",
                "Is FILEHUB_BUCKET right? If filehub was never deployed here: "
                "python manage.py provision",
            )  # fmt: skip
            return
        if is_denied(exc):
            yield Finding(
                "FAIL", "bucket", f"{name} may not be looked at.",
                "It belongs to another account (choose another FILEHUB_BUCKET), or these "
                "credentials lack s3:ListBucket: attach WebPolicyArn or OperatorPolicyArn to them.",
            )  # fmt: skip
            return
        raise
    there = answer.get("BucketRegion", region)
    if there != region:
        yield Finding(
            "FAIL", "bucket", f"{name} is in {there}, and AWS_REGION says {region}.",
            f"Set AWS_REGION={there}, where queues and table have to be too: S3 sends events only "
            "to queues of its own region.",
        )  # fmt: skip
        return
    yield Finding("ok", "bucket", f"{name} is in {there}.")


def _public_access(s3: S3Client) -> Iterator[Finding]:
    subject, name = "bucket, public access", conf().bucket
    try:
        block: dict[str, Any] = dict(
            s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        )
    except ClientError as exc:
        if code_of(exc) != "NoSuchPublicAccessBlockConfiguration":
            raise
        block = {}
    missing = [each for each in expected.PUBLIC_ACCESS_BLOCK if not block.get(each)]
    if not missing:
        yield Finding("ok", subject, "all blocked.")
        return
    yield Finding(
        "FAIL", subject, f"not blocked: {', '.join(missing)}.",
        expected.command(
            "s3api", "put-public-access-block", bucket=name,
            public_access_block_configuration=dict.fromkeys(expected.PUBLIC_ACCESS_BLOCK, True),
        ),
    )  # fmt: skip


def _encryption(s3: S3Client) -> Iterator[Finding]:
    subject, name = "bucket, encryption", conf().bucket
    try:
        rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    except ClientError as exc:
        if code_of(exc) != "ServerSideEncryptionConfigurationNotFoundError":
            raise
        rules = []
    used = [
        str(rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"])
        for rule in rules
        if "ApplyServerSideEncryptionByDefault" in rule
    ]
    if not used:
        yield Finding(
            "FAIL", subject, "objects are not encrypted by default.",
            expected.command(
                "s3api", "put-bucket-encryption", bucket=name,
                server_side_encryption_configuration={
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
            ),
        )  # fmt: skip
    elif used[0] == "AES256":
        yield Finding("ok", subject, "AES256.")
    else:
        yield Finding("ok", subject, f"{used[0]}; web and worker need the key's permissions too.")


def _versions(s3: S3Client) -> Iterator[Finding]:
    subject = "bucket, versions"
    if s3.get_bucket_versioning(Bucket=conf().bucket).get("Status") == "Enabled":
        yield Finding(
            "ok", subject, "kept: what is deleted goes on to cost, until a lifecycle rule ends it."
        )
    else:
        yield Finding("ok", subject, "not kept.")


def _lifecycle(s3: S3Client) -> Iterator[Finding]:
    subject, name = "bucket, lifecycle", conf().bucket
    try:
        rules: list[Any] = list(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"])
    except ClientError as exc:
        if code_of(exc) != "NoSuchLifecycleConfiguration":
            raise
        rules = []
    enabled = [rule for rule in rules if rule.get("Status") == "Enabled"]
    aborting = [rule for rule in enabled if _ABORT in rule and _touches_uploads(rule)]
    days = [
        rule[_ABORT]["DaysAfterInitiation"]
        for rule in aborting
        if _is_for_uploads(rule) or rule[_ABORT]["DaysAfterInitiation"] <= MULTIPART_LIFETIME.days
    ]
    mend = expected.command(
        "s3api", "put-bucket-lifecycle-configuration", bucket=name,
        lifecycle_configuration={"Rules": _mended(rules, aborting)},
    )  # fmt: skip
    ends = [each for each in enabled if "Expiration" in each and _touches_uploads(each)]
    if ends:
        named = ", ".join(str(each.get("ID", "without a name")) for each in ends)
        yield Finding(
            "warn", subject, f"rules delete files by their age: {named}.",
            "If that is not meant, disable them in the bucket's lifecycle configuration.",
        )  # fmt: skip
    if not days:
        text = "the parts of unfinished uploads stay for ever, and cost what files cost."
        yield Finding("FAIL", subject, text, mend)
    elif min(days) <= MULTIPART_LIFETIME.days:
        text = (
            f"unfinished uploads end after {min(days)} days, but may be gone on with for "
            f"{MULTIPART_LIFETIME.days}."
        )
        yield Finding("FAIL", subject, text, mend)
    else:
        yield Finding("ok", subject, f"unfinished uploads end after {min(days)} days.")


def _mended(rules: list[Any], aborting: list[Any]) -> list[Any]:
    """All rules, but the one end of unfinished uploads that filehub needs is in one of its own."""
    kept = []
    for each in rules:
        rest = {key: value for key, value in each.items() if key != _ABORT or each not in aborting}
        if rest.keys() - _NO_ACTIONS:
            kept.append(rest)
    rule: dict[str, Any] = {
        "ID": "abort-incomplete-multipart-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        _ABORT: {"DaysAfterInitiation": expected.ABORT_AFTER},
    }
    if any(each.get("ID") == rule["ID"] for each in kept):
        del rule["ID"]  # S3 makes one up.
    return [*kept, rule]


def _prefix(rule: Any) -> str:
    found = rule.get("Filter", {})
    return str(found.get("And", found).get("Prefix", rule.get("Prefix", "")))


def _is_for_uploads(rule: Any) -> bool:
    """Whether it applies to all that is under the prefix: no tags, no sizes."""
    return set(rule.get("Filter", {})) <= {"Prefix"} and PREFIX.startswith(_prefix(rule))


def _touches_uploads(rule: Any) -> bool:
    prefix = _prefix(rule)
    return PREFIX.startswith(prefix) or prefix.startswith(PREFIX)


def _cors(s3: S3Client) -> Iterator[Finding]:
    subject, name, origins = "bucket, CORS", conf().bucket, conf().cors_origins
    if not origins:
        yield Finding("skip", subject, "there are no origins to compare with (see settings).")
        return
    try:
        rules: list[Any] = list(s3.get_bucket_cors(Bucket=name)["CORSRules"])
    except ClientError as exc:
        if code_of(exc) != "NoSuchCORSConfiguration":
            raise
        rules = []
    rule = {
        "AllowedOrigins": list(origins),
        "AllowedMethods": list(expected.CORS_METHODS),
        "AllowedHeaders": ["*"],
        "ExposeHeaders": list(expected.CORS_EXPOSED),
        "MaxAgeSeconds": expected.CORS_MAX_AGE,
    }
    mend = (
        "python manage.py provision, if FILEHUB_CORS_ORIGINS has changed since the last one. "
        "Otherwise somebody changed the bucket, which provision does not see: "
    ) + expected.command(
        # S3 takes the first rule that fits: what others need may follow.
        "s3api", "put-bucket-cors", bucket=name,
        cors_configuration={"CORSRules": [rule, *_of_others(rules, origins)]},
    )  # fmt: skip
    problems = list(filter(None, (_lacks(rules, origin) for origin in origins)))
    if problems:
        yield Finding("FAIL", subject, " ".join(problems), mend)
        return
    others = sorted({each for rule in rules for each in rule["AllowedOrigins"]} - set(origins))
    if others:
        text = f"pages of other origins may send to the bucket too: {', '.join(others)}."
        yield Finding(
            "warn", subject, text,
            "If that is not meant: "
            + expected.command(
                "s3api", "put-bucket-cors", bucket=name, cors_configuration={"CORSRules": [rule]}
            ),
        )  # fmt: skip
        return
    yield Finding("ok", subject, f"{', '.join(origins)} may send.")


def _of_others(rules: list[Any], origins: tuple[str, ...]) -> list[Any]:
    return [rule for rule in rules if set(rule["AllowedOrigins"]) - set(origins)]


def _lacks(rules: list[Any], origin: str) -> str:
    """What a page of this origin may not do, as a sentence; "" if it may do all."""
    mine = [
        rule for rule in rules if any(_matches(each, origin) for each in rule["AllowedOrigins"])
    ]
    if not mine:
        return f"no rule allows {origin}."
    sending = [rule for rule in mine if "PUT" in rule["AllowedMethods"]]
    if not sending:
        return f"{origin} may not PUT."
    # S3 takes the first rule that fits origin, method and all headers.
    missing = min(
        (
            [
                header
                for header in expected.CORS_HEADERS
                if not any(_matches(each, header) for each in rule.get("AllowedHeaders", ()))
            ]
            for rule in sending
        ),
        key=len,
    )
    return f"{origin} may not send {', '.join(missing)}." if missing else ""


def _matches(pattern: str, text: str) -> bool:
    """S3's patterns have at most one `*`."""
    expression = ".*".join(map(re.escape, pattern.lower().split("*")))
    return re.fullmatch(expression, text.lower()) is not None


def _preflight() -> Iterator[Finding]:
    """What S3 itself answers; needs no permission at all."""
    subject, refused = "bucket, CORS as a browser asks", []
    origins = conf().cors_origins
    if not origins:
        yield Finding("skip", subject, "there are no origins to ask for.")
        return
    for origin in origins:
        try:
            answer = http.send(
                "OPTIONS",
                f"{conf().s3_bucket_url}/{_KEY}",
                {
                    "Origin": origin,
                    "Access-Control-Request-Method": "PUT",
                    "Access-Control-Request-Headers": ",".join(expected.CORS_HEADERS),
                },
            )
        except http.NoAnswer as exc:
            yield Finding(
                "FAIL", subject, f"no answer from {conf().s3_bucket_url} ({exc}).",
                "Browsers need this address, not only the servers: check AWS_ENDPOINT_URL_S3.",
            )  # fmt: skip
            return
        if answer.headers.get("Access-Control-Allow-Origin") not in {origin, "*"}:
            refused.append(f"{origin} ({answer.status})")
    if refused:
        yield Finding(
            "FAIL", subject, f"S3 refuses pages of {', '.join(refused)}.",
            "See “bucket, CORS”; S3 may take some minutes to notice a change.",
        )  # fmt: skip
    else:
        yield Finding("ok", subject, f"S3 lets pages of {', '.join(origins)} send.")
