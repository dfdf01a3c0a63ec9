"""The WSGI application, served by granian (see Procfile)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "filehub.settings")

application = get_wsgi_application()
