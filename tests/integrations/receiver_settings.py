"""filehub's settings with the app of `receiver_app`."""

from __future__ import annotations

from filehub.settings import *  # noqa: F403
from filehub.settings import INSTALLED_APPS

INSTALLED_APPS += ["tests.integrations.receiver_app.ReceiverApp"]
