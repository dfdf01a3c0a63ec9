"""Routes: the app at the root, signing in, and the admin."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from uploads.web import pages, password, session, single_sign_on

urlpatterns = [
    path("", include("uploads.urls")),
    path("accounts/login/", session.SignIn.as_view(), name="login"),
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
    path("favicon.ico", pages.favicon),
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
