from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path
from shop import views

urlpatterns = [
    path("", views.products, name="home"),
    path("apply/", views.apply, name="apply"),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]

urlpatterns += [path("files/", include("uploads.urls"))]
