"""The widget: the element `<filehub-upload>`, with the files that were chosen so far.

Without JavaScript, what was chosen before stays chosen, and a sentence says that choosing needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from uploads.core import csrf, media_types

#: The module that defines the element, and its style sheet, among the static files.
ELEMENT = "uploads/element/filehub-upload.js"
STYLES = "uploads/element/filehub-upload.css"


@dataclass(frozen=True)
class Chosen:
    """A chosen file, as it is shown. `size` is in bytes; None, and no name, if it is unknown."""

    id: str
    name: str = ""
    size: int | None = None
    url: str = ""


#: Returns those of the ids that are shown, with what is shown.
Describe = Callable[[Sequence[str]], Sequence[Chosen]]


def _nothing(ids: Sequence[str]) -> Sequence[Chosen]:
    return ()


class StoredFileInput(forms.Widget):
    """Chooses files and sends them to S3; the form gets their ids.

    Its field says what the element needs: the token, the limits, and what to show of each file.
    """

    template_name = "uploads/widgets/stored_file.html"
    use_fieldset = False

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.multiple = False
        self.token = ""
        self.owner = ""
        self.types: tuple[str, ...] = ()
        self.max_size: int | None = None
        self.describe: Describe = _nothing

    @property
    def media(self) -> forms.Media:
        """The element's module and style sheet, and the words that it shows."""
        return forms.Media(
            css={"all": [STYLES]},
            # The stubs do not know Script.
            js=[
                forms.Script(reverse("filehub:javascript-catalog")),  # type: ignore[list-item]
                forms.Script(ELEMENT, type="module"),  # type: ignore[list-item]
            ],
        )

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        """The ids. There is an input for each file, and the widget of an empty field has none."""
        values = data.getlist(name) if hasattr(data, "getlist") else data.get(name)
        # The data of a form need not be a QueryDict: it may be JSON, with values of any type.
        if not isinstance(values, list | tuple):
            values = [values]
        return [str(each) for each in values if each is not None and each != ""]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Never: without an input, no file is chosen."""
        return False

    def id_for_label(self, id_: str) -> str:
        return id_

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        context["widget"] |= {
            "api": reverse("filehub:home"),
            "token": self.token,
            "user": self.owner,
            "types": ",".join(self.types),
            # For comparison by a script, which knows no other spellings of a type.
            "accepted_types": ",".join(media_types.with_aliases(self.types)),
            "max_size": self.max_size,
            "multiple": self.multiple,
            "csrf_header": csrf.header(),
            "csrf_cookie": csrf.cookie(),
            "flat_attrs": flatatt(context["widget"]["attrs"]),
            "files": self.describe(value or ()),
        }
        return context

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        """Render with the project's own templates, so that it can replace this one."""
        return render_to_string(self.template_name, self.get_context(name, value, attrs))
