"""filehub's settings with short pauses and a short grace period."""

from filehub.settings import *  # noqa: F403
from uploads.core import backoff
from uploads.worker import shutdown

backoff.LONGEST_PAUSE = 1.0
shutdown.GRACE = 3.0
