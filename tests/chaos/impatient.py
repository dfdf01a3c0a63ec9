"""filehub's settings, for processes that shall not be waited for: short pauses, a short grace."""

from filehub.settings import *  # noqa: F403
from uploads.core import backoff
from uploads.worker import shutdown

backoff.LONGEST_PAUSE = 1.0
shutdown.GRACE = 3.0
