"""The routes of the app: its page, the JSON API and health checks, below any prefix.

A project includes them with `path("files/", include("uploads.urls"))`. Their names begin with
`filehub:`. Signing in and the admin site are the project's.
"""

from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page
from django.views.i18n import JavaScriptCatalog

from uploads.web import account, health, pages, session, theme
from uploads.web.api import api, v1
from uploads.web.errors import responds_to_errors

app_name = "filehub"

# The URL is the same in every language, so browsers cache the response but always revalidate it.
catalog = cache_control(private=True, no_cache=True)(
    conditional_page(JavaScriptCatalog.as_view(packages=["uploads"]))
)

urlpatterns = [
    path("", responds_to_errors(pages.home), name="home"),
    # Before the other pages, because these are requested most.
    path("api/v1/", v1.api.urls),
    path("", api.urls),
    path("quota", responds_to_errors(pages.quota), name="quota"),
    path("account/", responds_to_errors(account.page), name="account"),
    path("account/tokens/", responds_to_errors(account.create_token), name="create_token"),
    path(
        "account/tokens/<int:pk>/revoke/",
        responds_to_errors(account.revoke_token),
        name="revoke_token",
    ),
    path("account/theme/", theme.choose, name="choose_theme"),
    path("accounts/session", responds_to_errors(session.state), name="session"),
    path("accounts/signed-in/", responds_to_errors(session.signed_in), name="signed_in"),
    path("jsi18n/", catalog, name="javascript-catalog"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics_text, name="metrics"),
]
