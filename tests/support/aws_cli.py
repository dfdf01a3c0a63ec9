"""The part of the AWS command line that the documents use, made of boto3, as a program `aws`.

The real one pins its own version of botocore, so it cannot be installed beside filehub.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import jmespath
from botocore import xform_name
from botocore.model import Shape

from tests.support.processes import ROOT


def install(directory: Path) -> None:
    """Write the program `aws` into this directory, for PATH."""
    program = directory / "aws"
    # As a module: the script's own directory would hide the standard library's `http`.
    module = "tests.support.aws_cli"
    program.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m {module} "$@"\n')
    program.chmod(0o755)


def parse(words: list[str]) -> dict[str, str]:
    """Options with their values; a flag has the value ""."""
    options: dict[str, str] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word[2:]
            options[name] = ""
        else:
            assert name, f"unexpected argument {word}"
            options[name], name = word, ""
    return options


def convert(shape: Shape, text: str) -> Any:
    """A value of the command line, as boto3 expects it: text, a flag, JSON, or a=b,c=d."""
    if shape.type_name == "boolean":
        return text.lower() != "false"
    if shape.type_name in {"integer", "long"}:
        return int(text)
    if text.startswith(("{", "[")):
        return json.loads(text)
    if shape.type_name == "structure":
        pairs = dict(part.split("=", 1) for part in text.split(","))
        return {key: convert(shape.members[key], value) for key, value in pairs.items()}  # type: ignore[attr-defined]
    return text


def show(result: Any, output: str) -> str:
    """The result as the command line prints it."""
    if output != "text":
        return json.dumps(result, indent=4)
    if result is None or result == []:
        return "" if result == [] else "None"
    if isinstance(result, list):
        rows = result if isinstance(result[0], list) else [result]
        return "\n".join("\t".join(map(str, row)) for row in rows)
    return str(result)


def run(service: str, operation: str, *words: str) -> str:
    client = boto3.client(
        {"s3api": "s3"}.get(service, service),  # type: ignore[call-overload]
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name=os.environ["AWS_REGION"],
    )
    if operation == "wait":
        waiter, *rest = words
        values = {_camel(name): value for name, value in parse(rest).items()}
        client.get_waiter(waiter.replace("-", "_")).wait(**values)
        return ""
    options = parse(list(words))
    query, output = options.pop("query", "@"), options.pop("output", "json")
    method = operation.replace("-", "_")
    shape = client.meta.service_model.operation_model(
        client.meta.method_to_api_mapping[method]
    ).input_shape
    names = {xform_name(member, "-"): member for member in shape.members}
    arguments = {
        names[name]: convert(shape.members[names[name]], value) for name, value in options.items()
    }
    response = getattr(client, method)(**arguments)
    response.pop("ResponseMetadata")
    plain = json.loads(json.dumps(response, default=_as_text))
    return show(jmespath.search(query, plain), output)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


if __name__ == "__main__":
    print(run(*sys.argv[1:]))  # noqa: T201
