"""Check the bucket's configuration. IAM: s3:ListBucket and the operator policy's reads."""

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
from uploads.operations.doctor.call import Call
from uploads.operations.doctor.finding import Finding, code_of, guarded, is_denied

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KEY = object_key("00000000-0000-7000-8000-000000000000")
_ABORT = "AbortIncompleteMultipartUpload"
#: Non-action keys of a lifecycle rule.
_NON_ACTION_KEYS = {"ID", "Status", "Filter", "Prefix"}
_NO_ORIGINS = "FILEHUB_CORS_ORIGINS is empty (see the “settings” finding above)."


def inspect() -> Iterator[Finding]:
    """Check that the bucket exists, and only then its configuration."""
    s3 = clients.s3(clients.DIAGNOSIS)
    findings = list(guarded("bucket", partial(_existence, s3)))
    yield from findings
    if any(finding.level == "FAIL" for finding in findings):
        return
    for subject, check in (
        ("bucket, public access", _public_access),
        ("bucket, encryption", _encryption),
        ("bucket, versioning", _versioning),
        ("bucket, lifecycle", _lifecycle),
        ("bucket, CORS", _cors),
    ):
        yield from guarded(subject, partial(check, s3))
    yield from guarded("bucket, CORS preflight", _preflight)


def _call(operation: str, **parameters: Any) -> Call:
    return Call("s3", operation, {"Bucket": conf().bucket, **parameters})


def _existence(s3: S3Client) -> Iterator[Finding]:
    name, region = conf().bucket, conf().region
    try:
        response = s3.head_bucket(Bucket=name)
    except ClientError as exc:
        if code_of(exc) in {"404", "NoSuchBucket"}:
            yield Finding(
                "FAIL", "bucket", f"{name} does not exist.",
                "Check FILEHUB_BUCKET. If filehub was never deployed here, or the bucket was "
                f"deleted: {expected.REPAIR}",
                (_create(name, region),),
            )  # fmt: skip
            return
        if is_denied(exc):
            yield Finding(
                "FAIL", "bucket", f"access to {name} is denied.",
                "It belongs to another account (choose another FILEHUB_BUCKET), or these "
                "credentials lack s3:ListBucket: attach WebPolicyArn or OperatorPolicyArn to them.",
            )  # fmt: skip
            return
        raise
    actual = response.get("BucketRegion", region)
    if actual != region:
        yield Finding(
            "FAIL", "bucket", f"{name} is in {actual}, but AWS_REGION is {region}.",
            f"Set AWS_REGION={actual}. Queues and table must be there too, because S3 sends events "
            "only within its region.",
        )  # fmt: skip
        return
    yield Finding("ok", "bucket", f"{name} is in {actual}.")


def _create(name: str, region: str) -> Call:
    parameters: dict[str, Any] = {"Bucket": name}
    if region != "us-east-1":  # S3's default, which it does not accept as a location
        parameters["CreateBucketConfiguration"] = {"LocationConstraint": region}
    return Call("s3", "create_bucket", parameters)


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
    missing = [name for name in expected.PUBLIC_ACCESS_BLOCK if not block.get(name)]
    if not missing:
        yield Finding("ok", subject, "all blocked.")
        return
    everything = dict.fromkeys(expected.PUBLIC_ACCESS_BLOCK, True)
    call = _call("put_public_access_block", PublicAccessBlockConfiguration=everything)
    yield Finding("FAIL", subject, f"not blocked: {', '.join(missing)}.", str(call), (call,))


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
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        call = _call("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [rule]})
        yield Finding("FAIL", subject, "objects are not encrypted by default.", str(call), (call,))
    elif used[0] == "AES256":
        yield Finding("ok", subject, "AES256.")
    else:
        yield Finding(
            "ok", subject, f"{used[0]}; web and worker also need permissions for the key."
        )


def _versioning(s3: S3Client) -> Iterator[Finding]:
    subject = "bucket, versioning"
    if s3.get_bucket_versioning(Bucket=conf().bucket).get("Status") == "Enabled":
        yield Finding(
            "ok", subject, "on: deleted files use storage until a lifecycle rule removes them."
        )
    else:
        yield Finding("ok", subject, "off.")


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
    call = _call(
        "put_bucket_lifecycle_configuration",
        LifecycleConfiguration={"Rules": _fixed_rules(rules, aborting)},
    )
    expiring = [rule for rule in enabled if _expires_files(rule) and _touches_uploads(rule)]
    if expiring:
        names = ", ".join(str(rule.get("ID", "(no ID)")) for rule in expiring)
        yield Finding(
            "warn", subject, f"rules delete files by age: {names}.",
            "If that is not intended, disable them in the bucket's lifecycle configuration.",
        )  # fmt: skip
    if not days:
        text = "parts of unfinished uploads are kept forever, and billed like stored files."
        yield Finding("FAIL", subject, text, str(call), (call,))
    elif min(days) <= MULTIPART_LIFETIME.days:
        text = (
            f"unfinished uploads are removed after {min(days)} days, but must be kept longer than "
            f"{MULTIPART_LIFETIME.days} days because uploads can be resumed until then."
        )
        yield Finding("FAIL", subject, text, str(call), (call,))
    else:
        yield Finding("ok", subject, f"unfinished uploads are removed after {min(days)} days.")


def _expires_files(rule: Any) -> bool:
    """Whether a rule deletes files by age, and not only delete markers without versions."""
    return not {"Days", "Date"}.isdisjoint(rule.get("Expiration", {}))


def _fixed_rules(rules: list[Any], aborting: list[Any]) -> list[Any]:
    """All rules, with filehub's own rule in place of the ones that abort unfinished uploads."""
    kept = []
    for old in rules:
        rest = {key: value for key, value in old.items() if key != _ABORT or old not in aborting}
        if rest.keys() - _NON_ACTION_KEYS:
            kept.append(rest)
    rule: dict[str, Any] = {
        "ID": "abort-incomplete-multipart-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        _ABORT: {"DaysAfterInitiation": expected.ABORT_AFTER},
    }
    if any(other.get("ID") == rule["ID"] for other in kept):
        del rule["ID"]  # S3 generates one.
    return [*kept, rule]


def _prefix(rule: Any) -> str:
    condition = rule.get("Filter", {})
    return str(condition.get("And", condition).get("Prefix", rule.get("Prefix", "")))


def _is_for_uploads(rule: Any) -> bool:
    """Whether a rule covers every upload: only then does it remove all unfinished ones."""
    return set(rule.get("Filter", {})) <= {"Prefix"} and PREFIX.startswith(_prefix(rule))


def _touches_uploads(rule: Any) -> bool:
    """Whether a rule covers at least some uploads, which it may then remove too early.

    Filters by tag or size are ignored.
    """
    prefix = _prefix(rule)
    return PREFIX.startswith(prefix) or prefix.startswith(PREFIX)


def _cors(s3: S3Client) -> Iterator[Finding]:
    subject, name, origins = "bucket, CORS", conf().bucket, conf().cors_origins
    if not origins:
        yield Finding("skip", subject, _NO_ORIGINS)
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
    # S3 uses the first rule that matches, so rules for other origins may follow.
    call = _call(
        "put_bucket_cors", CORSConfiguration={"CORSRules": [rule, *_other_rules(rules, origins)]}
    )
    problems = list(filter(None, (_cors_problem(rules, origin) for origin in origins)))
    if problems:
        fix = (
            f"{expected.REPAIR}, if FILEHUB_CORS_ORIGINS has changed since the last run. Otherwise "
            f"the bucket was changed manually: {call}"
        )
        yield Finding("FAIL", subject, " ".join(problems), fix, (call,))
        return
    others = sorted({other for rule in rules for other in rule["AllowedOrigins"]} - set(origins))
    if others:
        text = f"other origins are allowed too: {', '.join(others)}."
        yield Finding(
            "warn", subject, text,
            "If that is not intended: "
            + str(_call("put_bucket_cors", CORSConfiguration={"CORSRules": [rule]})),
        )  # fmt: skip
        return
    if without_post := [origin for origin in origins if not _allows(rules, origin, "POST")]:
        text = f"{', '.join(without_post)} may not POST, which Uppy 6 needs."
        yield Finding("warn", subject, text, f"{expected.REPAIR}, or: {call}", (call,))
        return
    yield Finding("ok", subject, f"{', '.join(origins)} allowed.")


def _allows(rules: list[Any], origin: str, method: str) -> bool:
    return any(
        method in rule["AllowedMethods"]
        and any(_matches(pattern, origin) for pattern in rule["AllowedOrigins"])
        for rule in rules
    )


def _other_rules(rules: list[Any], origins: tuple[str, ...]) -> list[Any]:
    return [rule for rule in rules if set(rule["AllowedOrigins"]) - set(origins)]


def _cors_problem(rules: list[Any], origin: str) -> str:
    """What the rules deny to this origin, as a sentence; "" if they allow everything needed."""
    matching = [
        rule
        for rule in rules
        if any(_matches(pattern, origin) for pattern in rule["AllowedOrigins"])
    ]
    if not matching:
        return f"no rule allows {origin}."
    with_put = [rule for rule in matching if "PUT" in rule["AllowedMethods"]]
    if not with_put:
        return f"{origin} may not PUT."
    # S3 uses the first rule that matches the origin, the method and all headers.
    missing = min(
        (
            [
                header
                for header in expected.CORS_HEADERS
                if not any(_matches(pattern, header) for pattern in rule.get("AllowedHeaders", ()))
            ]
            for rule in with_put
        ),
        key=len,
    )
    return f"{origin} may not send {', '.join(missing)}." if missing else ""


def _matches(pattern: str, text: str) -> bool:
    """Match as S3 does, whose patterns have at most one `*`."""
    expression = ".*".join(map(re.escape, pattern.lower().split("*")))
    return re.fullmatch(expression, text.lower()) is not None


def _preflight() -> Iterator[Finding]:
    """Send the preflight request of a browser, which needs no permission."""
    subject, refused = "bucket, CORS preflight", []
    origins = conf().cors_origins
    if not origins:
        yield Finding("skip", subject, _NO_ORIGINS)
        return
    for origin in origins:
        try:
            response = http.send(
                "OPTIONS",
                f"{conf().s3_bucket_url}/{_KEY}",
                {
                    "Origin": origin,
                    "Access-Control-Request-Method": "PUT",
                    "Access-Control-Request-Headers": ",".join(expected.CORS_HEADERS),
                },
            )
        except http.NoResponse as exc:
            yield Finding(
                "FAIL", subject, f"no response from {conf().s3_bucket_url} ({exc}).",
                "Browsers must be able to reach this address too: check AWS_ENDPOINT_URL_S3.",
            )  # fmt: skip
            return
        if response.headers.get("Access-Control-Allow-Origin") not in {origin, "*"}:
            refused.append(f"{origin} ({response.status})")
    if refused:
        yield Finding(
            "FAIL", subject, f"S3 refuses {', '.join(refused)}.",
            "See “bucket, CORS”. A change can take a few minutes to apply.",
        )  # fmt: skip
    else:
        yield Finding("ok", subject, f"S3 accepts {', '.join(origins)}.")
