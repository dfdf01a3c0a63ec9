"""The models, forms and admin of a project that has fields for files."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.db import models

from uploads.fields import KEEP, TRASH
from uploads.fields import StoredFileField as FileColumn
from uploads.forms import StoredFileAdminMixin, StoredFileField, StoredFileFormMixin


class Product(models.Model):
    name = models.CharField(max_length=20)
    manual = FileColumn(types="text/*", max_size=10, on_delete=TRASH, wait=0.2)
    photo = FileColumn(blank=True, on_delete=KEEP, wait=0.2)

    class Meta:
        app_label = "attachments"

    def __str__(self) -> str:
        return self.name


class Draft(models.Model):
    """Several of these may share a file."""

    file = FileColumn(on_delete=TRASH, unique=False)

    class Meta:
        app_label = "attachments"

    def __str__(self) -> str:
        return str(self.file)


class SpecialProduct(Product):
    class Meta:
        app_label = "attachments"


MODELS = (Product, Draft, SpecialProduct)


class ProductForm(StoredFileFormMixin, forms.ModelForm):
    class Meta:
        model = Product
        fields = ("name", "manual", "photo")


class Application(StoredFileFormMixin, forms.Form):
    """A form without a model."""

    name = forms.CharField()
    letters = StoredFileField(types="text/*", multiple=True, required=False, wait=0)


class ProductAdmin(StoredFileAdminMixin, admin.ModelAdmin):
    pass


site = admin.AdminSite()
site.register(Product, ProductAdmin)
