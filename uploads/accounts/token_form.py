"""The form for a new API token, which the account page and the admin share."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from uploads.accounts import api_tokens
from uploads.core import policy
from uploads.core.errors import InvalidRequest
from uploads.models import ApiToken, Scope

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[ApiToken]
else:
    ModelForm = forms.ModelForm


class ApiTokenForm(ModelForm):
    """A name, scopes and an expiry date. Deleting has to be chosen."""

    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=Scope.choices,
        initial=[Scope.UPLOAD, Scope.READ],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
        help_text=_("What a program may do with the token."),
    )

    expires_on = forms.DateField(
        label=_("Expires"),
        required=False,
        # The browser's own date picker, also in the admin, whose own is a script.
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
        help_text=_("The last day (UTC) on which it works. Leave empty for no expiry."),
    )

    class Meta:
        model = ApiToken
        fields = ("name", "scopes", "expires_on")

    def clean_name(self) -> str:
        try:
            return policy.check_token_name(self.cleaned_data["name"])
        except InvalidRequest:
            raise ValidationError(_("The name must not contain control characters.")) from None

    def clean_scopes(self) -> str:
        """Return the scopes as the model stores them."""
        return ApiToken.join_scopes(map(Scope, self.cleaned_data["scopes"]))

    def clean_expires_on(self) -> date | None:
        try:
            return api_tokens.check_expiry(self.cleaned_data["expires_on"])
        except InvalidRequest:
            raise ValidationError(_("This date is in the past.")) from None
