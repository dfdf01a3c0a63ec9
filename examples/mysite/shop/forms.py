from django import forms

from shop.models import Application
from uploads.forms import StoredFileFormMixin


class ApplicationForm(StoredFileFormMixin, forms.ModelForm):
    class Meta:
        model = Application
        fields = ("name", "letter", "photo")
