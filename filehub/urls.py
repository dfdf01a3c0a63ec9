"""Routes: pages, the JSON API at the root, the admin."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import path

from uploads import views
from uploads.api import api

urlpatterns = [
    path("", views.home, name="home"),
    path("rows", views.rows, name="rows"),
    path("accounts/login/", auth.LoginView.as_view(), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("favicon.ico", views.favicon),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("admin/", admin.site.urls),
    path("", api.urls),
]

handler400 = "uploads.views.bad_request"
handler403 = "uploads.views.permission_denied"
handler404 = "uploads.views.not_found"
handler500 = "uploads.views.server_error"
