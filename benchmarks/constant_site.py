"""The fastest that a view of Django can be: a constant response, without any middleware.

The sign benchmark serves it with the same options as filehub's web process.
"""

from __future__ import annotations

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

#: As long as a typical response of `POST /get-url`.
BODY = b'{"constant": "%s"}' % (b"x" * 900)


def constant(request: HttpRequest) -> HttpResponse:
    # With a length, as filehub's own responses have.
    return HttpResponse(
        BODY, content_type="application/json", headers={"Content-Length": str(len(BODY))}
    )


urlpatterns = [path("get-url", constant), path("healthz", constant)]

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[])
django.setup(set_prefix=False)
application = WSGIHandler()
