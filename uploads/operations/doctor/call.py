"""A request to AWS that fixes something: shown as an AWS CLI command, and sent by `repair`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from botocore import xform_name

from uploads.aws import clients

Service = Literal["s3", "sqs", "dynamodb"]
_CLIENTS: Mapping[Service, Callable[[clients.Timeouts], Any]] = {
    "s3": clients.s3,
    "sqs": clients.sqs,
    "dynamodb": clients.dynamodb,
}
#: Where the AWS CLI has another name for a service than boto3.
_CLI_NAMES = {"s3": "s3api"}


@dataclass(frozen=True)
class Call:
    """A request: a service and operation as boto3 names them, and the operation's parameters."""

    service: Service
    operation: str
    parameters: Mapping[str, Any]

    def __str__(self) -> str:
        """The AWS CLI command that sends this request, quoted for a shell."""
        service = _CLI_NAMES.get(self.service, self.service)
        words = ["aws", service, self.operation.replace("_", "-")]
        for name, value in self.parameters.items():
            option = xform_name(name, "-")
            if isinstance(value, bool):
                words.append(f"--{option}" if value else f"--no-{option}")
                continue
            text = value
            if not isinstance(value, str):
                # Lifecycle rules may contain dates.
                text = json.dumps(value, separators=(",", ":"), default=datetime.isoformat)
            words += [f"--{option}", text]
        return shlex.join(words)

    def send(self) -> None:
        """Send the request. Raises BotoCoreError and ClientError."""
        getattr(_CLIENTS[self.service](clients.DEPLOYMENT), self.operation)(**self.parameters)
