"""A task in the worker's hands, as Celery keeps it: what becomes of its message in the end."""

from __future__ import annotations

from celery.worker.request import Request


class LeftInQueue(Request):
    """A task that can be ended from outside without ending the worker with it.

    A pool process that was killed, or a task beyond its hard time limit, makes Celery put the
    message back. SQS still has it: it is enough to leave it there. Put back with a policy for the
    pauses between tries (filehub/broker.py), it ends kombu 5.7's worker with a KeyError.
    """

    def reject(self, requeue: bool = False) -> None:
        is_kept = "sqs_message" in self.message.delivery_info
        super().reject(requeue=requeue and not is_kept)
