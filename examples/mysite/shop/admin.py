from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import BaseUserCreationForm

from shop.models import Application, Delivery, Product, User
from uploads.forms import StoredFileAdminMixin


class EmailUserCreationForm(BaseUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)


@admin.register(User)
class EmailUserAdmin(UserAdmin):
    add_form = EmailUserCreationForm
    ordering = ("email",)
    list_display = ("email", "is_staff")
    search_fields = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "password", "quota")}),
        (None, {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "password1", "password2")}),)


@admin.register(Application)
class ApplicationAdmin(StoredFileAdminMixin, admin.ModelAdmin):
    list_display = ("name", "letter")


admin.site.register(Product)
admin.site.register(Delivery)
