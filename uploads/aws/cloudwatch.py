"""The CloudWatch gateway: how long the oldest message of a queue has waited.

SQS itself tells this of no queue without a receive, which would bring good messages nearer to the
dead-letter queue.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from uploads.aws import clients

logger = logging.getLogger(__name__)

#: CloudWatch has a figure each minute, some minutes late; an older one tells nothing of now.
WINDOW = timedelta(minutes=10)


def oldest_ages(names: Sequence[str]) -> dict[str, timedelta]:
    """Queue -> the age of its oldest message, in one call. Never raises.

    Queues of which CloudWatch has no recent figure are left out: it stops counting for a queue
    that nobody used for six hours.
    """
    now = datetime.now(UTC)
    try:
        answer = clients.cloudwatch().get_metric_data(
            StartTime=now - WINDOW,
            EndTime=now + timedelta(minutes=1),
            MetricDataQueries=[
                {
                    "Id": f"q{number}",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/SQS",
                            "MetricName": "ApproximateAgeOfOldestMessage",
                            "Dimensions": [{"Name": "QueueName", "Value": name}],
                        },
                        "Period": 60,
                        "Stat": "Maximum",
                    },
                }
                for number, name in enumerate(names)
            ],
        )
    except (BotoCoreError, ClientError) as exc:
        logger.warning("CloudWatch does not tell the age of messages: %r", exc)
        return {}
    ages = {}
    for result in answer["MetricDataResults"]:
        points = list(zip(result["Timestamps"], result["Values"], strict=True))
        if points:
            _, seconds = max(points)
            ages[names[int(result["Id"][1:])]] = timedelta(seconds=seconds)
    return ages
