"""Routes: the pages, the admin, and the JSON API at the root."""

from django.contrib import admin
from django.urls import include, path
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page
from django.views.generic import RedirectView
from django.views.i18n import JavaScriptCatalog

from uploads.web import account, health, pages, password, session, single_sign_on, theme
from uploads.web.api import api, v1

# The URL is the same in every language, so browsers cache the response but always revalidate it.
catalog = cache_control(private=True, no_cache=True)(
    conditional_page(JavaScriptCatalog.as_view(packages=["uploads"]))
)

urlpatterns = [
    path("", pages.home, name="home"),
    # Before the other pages, because these are requested most.
    path("api/v1/", v1.api.urls),
    path("", api.urls),
    path("quota", pages.quota, name="quota"),
    path("account/", account.page, name="account"),
    path("account/tokens/", account.create_token, name="create_token"),
    path("account/tokens/<int:pk>/revoke/", account.revoke_token, name="revoke_token"),
    path("account/theme/", theme.choose, name="choose_theme"),
    path("accounts/login/", session.SignIn.as_view(), name="login"),
    path("accounts/session", session.state, name="session"),
    path("accounts/signed-in/", session.signed_in, name="signed_in"),
    path("accounts/logout/", single_sign_on.SignOut.as_view(), name="logout"),
    path("accounts/sso/", single_sign_on.begin, name="single_sign_on"),
    path("accounts/sso/callback", single_sign_on.come_back, name="single_sign_on_callback"),
    path("accounts/password/", password.ChangePassword.as_view(), name="change_password"),
    path("accounts/password/changed/", password.PasswordChanged.as_view(), name="password_changed"),
    path("accounts/password/reset/", password.ResetPassword.as_view(), name="reset_password"),
    path("accounts/password/reset/sent/", password.ResetSent.as_view(), name="reset_sent"),
    path(
        "accounts/password/reset/<uidb64>/<token>/",
        password.ChooseNewPassword.as_view(),
        name="password_reset_confirm",
    ),
    path("accounts/password/reset/done/", password.ResetDone.as_view(), name="reset_done"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("jsi18n/", catalog, name="javascript-catalog"),
    path("favicon.ico", pages.favicon),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics_text),
    # One form for everybody, with limits on guessing, and one way to sign out.
    path(
        "admin/password_change/",
        admin.site.admin_view(RedirectView.as_view(pattern_name="change_password")),
        name="password_change",
    ),
    path("admin/logout/", single_sign_on.SignOut.as_view(), name="sign_out_of_admin"),
    path("admin/", admin.site.urls),
]

handler400 = "uploads.web.errors.bad_request"
handler403 = "uploads.web.errors.permission_denied"
handler404 = "uploads.web.errors.not_found"
handler500 = "uploads.web.errors.server_error"
