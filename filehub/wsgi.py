"""The WSGI application, served by granian (see Procfile)."""

import os

from django.core.wsgi import get_wsgi_application

from filehub.postgresql.base import Limits, limit_waits
from uploads.core.slots import Slots

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "filehub.settings")

# With `uploads.aws.time_limit.SLOTS`, less than the threads that the Procfile starts, so that health
# checks are always answered.
limit_waits(Limits(statement=5, health_check=1, slots=Slots(8)))

application = get_wsgi_application()
