"""Celery's settings for filehub's own Celery app, derived from the app's settings.

A message leaves the queue only after the effect of its task is durable. If the task fails or its
worker dies, the message stays, and SQS eventually moves it to the dead-letter queue.
"""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab

from uploads.core.conf import Conf
from uploads.worker.broker import TRANSPORT, broker_settings, consumed_queues, routes

#: Seconds. Well below the queue's visibility timeout (infra/filehub.yaml), so that no task runs
#: twice.
TASK_TIME_LIMIT = 120


def configuration(settings: Conf, broker_url: str = "sqs://") -> dict[str, Any]:
    """Return Celery's settings by their names in lower case.

    The app's settings are a parameter, because Django's settings call this while they are loading.
    """
    url, transport_options = broker_settings(broker_url, settings)
    return {
        "task_default_queue": settings.tasks_queue,
        "task_queues": consumed_queues(settings),
        "task_routes": routes(settings),
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_acks_on_failure_or_timeout": False,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": 90,
        "task_time_limit": TASK_TIME_LIMIT,
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_prefetch_multiplier": 1,
        "worker_enable_remote_control": False,
        "worker_hijack_root_logger": False,
        "broker_connection_retry_on_startup": True,
        # Retry forever: the health check decides whether to restart a process without a broker.
        "broker_connection_max_retries": None,
        "broker_transport": TRANSPORT,
        "broker_url": url,
        "broker_transport_options": transport_options,
        "beat_scheduler": "uploads.worker.celery_hooks:Scheduler",
        # Seconds between two checks of the schedule, each of which sends a heartbeat.
        "beat_max_loop_interval": 30,
        "beat_schedule": _schedule(settings),
    }


def _schedule(settings: Conf) -> dict[str, dict[str, Any]]:
    return {
        "reconcile": {"task": "uploads.tasks.reconcile_recent", "schedule": 300.0},
        # At a fixed time: an interval of 24 hours would never elapse if beat restarts daily.
        "reconcile-multipart": {
            "task": "uploads.tasks.reconcile_multipart",
            "schedule": crontab(hour=3, minute=30),
        },
        # At a fixed minute, for the same reason.
        "purge-trash": {"task": "uploads.tasks.purge_trash", "schedule": crontab(minute=15)},
        "sweep-events": {"task": "uploads.tasks.sweep_events", "schedule": 60.0},
        "expire-audit": {
            "task": "uploads.tasks.expire_audit",
            "schedule": crontab(hour=4, minute=45),
        },
        "expire-files": {"task": "uploads.tasks.expire_files", "schedule": crontab(minute=45)},
        **(
            {"sweep-scans": {"task": "uploads.tasks.sweep_scans", "schedule": 60.0}}
            if settings.scans
            else {}
        ),
    }
