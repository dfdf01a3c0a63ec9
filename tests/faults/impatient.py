"""filehub's settings, for processes that shall not be waited for: short pauses, a short grace."""

from filehub.settings import *  # noqa: F403
from uploads import lifecycle

lifecycle.LONGEST_PAUSE = 1.0
lifecycle.GRACE = 3.0
