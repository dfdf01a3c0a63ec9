"""The CloudWatch gateway: the age of the oldest message in a queue.

SQS itself reports an age only for received messages, and every receive would bring good messages
closer to the dead-letter queue.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from uploads.aws import clients, time_limit

logger = logging.getLogger(__name__)

#: CloudWatch reports once a minute, a few minutes late. Older data points are out of date.
WINDOW = timedelta(minutes=10)


def oldest_ages(names: Sequence[str]) -> dict[str, timedelta]:
    """Queue name -> age of its oldest message, in one call. Never raises.

    Queues without recent data are left out: CloudWatch stops reporting on a queue that has been
    inactive for six hours.
    """
    now = datetime.now(UTC)
    try:
        with time_limit.limited(clients.OPTIONAL_SECONDS):
            response = clients.cloudwatch().get_metric_data(
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
        logger.warning("CloudWatch could not report the age of messages: %r", exc)
        return {}
    ages = {}
    for result in response["MetricDataResults"]:
        points = list(zip(result["Timestamps"], result["Values"], strict=True))
        if points:
            _, seconds = max(points)
            ages[names[int(result["Id"][1:])]] = timedelta(seconds=seconds)
    return ages
