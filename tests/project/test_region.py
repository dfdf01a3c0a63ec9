"""The AWS region: AWS_REGION, or else the one that boto3 finds."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from filehub import env
from tests.project.test_env import error_of

pytestmark = pytest.mark.usefixtures("bare_environment")

REGIONS: dict[str, tuple[dict[str, str], str]] = {
    "none": ({}, "us-east-1"),
    "boto3's own variable": ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
    "both variables": ({"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-west-2"}, "eu-west-2"),
    "the default profile": ({"config": "[default]\nregion = eu-west-3"}, "eu-west-3"),
    "another profile": (
        {"config": "[profile x]\nregion = eu-north-1", "AWS_PROFILE": "x"},
        "eu-north-1",
    ),
    "a variable before a profile": (
        {"config": "[default]\nregion = eu-west-3", "AWS_DEFAULT_REGION": "eu-west-1"},
        "eu-west-1",
    ),
    "an empty variable": ({"AWS_DEFAULT_REGION": ""}, "us-east-1"),
}


@pytest.mark.parametrize(("environment", "region"), REGIONS.values(), ids=REGIONS.keys())
def test_the_region_is_the_one_that_boto3_finds_unless_it_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], region: str
) -> None:
    (tmp_path / "config").write_text(environment.get("config", ""))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = env.load_app()
    assert found.region == region
    assert found.s3_url == f"https://s3.{region}.amazonaws.com"
    if "AWS_REGION" not in environment and region != "us-east-1":
        assert boto3.Session().region_name == region


def test_an_invalid_region_from_boto3_names_its_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "Frankfurt")
    assert "AWS_DEFAULT_REGION" in error_of()
    assert "'Frankfurt'" in error_of()


def test_a_missing_aws_profile_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert error_of() == (
        "boto3 cannot find its region: The config profile (nobody) could not be found"
    )
