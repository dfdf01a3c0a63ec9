"""The WSGI application, served by granian (see Procfile)."""

import os

from django.core.wsgi import get_wsgi_application

from filehub.postgresql.base import DatabaseWrapper, Limits
from uploads.core.slots import Slots
from uploads.web.preload import preload

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "filehub.settings")

# With those of `uploads.aws.time_limit` and `uploads.accounts.oidc.http`, fewer slots than the
# Procfile starts threads, so that health checks are always answered.
DatabaseWrapper.limits = Limits(statement=5, health_check=1, slots=Slots(8, grace=0.5))

application = get_wsgi_application()

# The web accepts connections before this module is loaded, and lets them wait. Loading these later,
# by several requests at the same time, takes longer than a request may wait for AWS.
preload()
