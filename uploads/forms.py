"""A form field for files that go straight to S3, and what forms and the admin need for it.

    class ApplicationForm(StoredFileFormMixin, forms.Form):
        cv = StoredFileField(types="application/pdf", max_size=10_000_000)

    form = ApplicationForm(request.POST or None, user=request.user)

See docs/integrating.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse

from uploads.attachments import checking, gateway
from uploads.attachments.attached import AttachedFile, as_attached, read_files
from uploads.attachments.checking import Problem
from uploads.attachments.options import WAIT, Options, Types, normalized
from uploads.attachments.widgets import Chosen, StoredFileInput
from uploads.core import fields, keys
from uploads.core.conf import rules
from uploads.core.content_security import shows_previews
from uploads.core.errors import BackendUnavailable
from uploads.core.limits import S3_MAX_OBJECT_SIZE
from uploads.core.names import display_name

__all__ = [
    "AttachedFile",
    "StoredFileAdminMixin",
    "StoredFileField",
    "StoredFileFormMixin",
    "StoredFileFormSetMixin",
    "StoredFileInput",
    "claim_files",
    "read_files",
]


class StoredFileField(forms.Field):
    """Files that are stored, belong to the user, and were uploaded for this field.

    Its value is an `AttachedFile` or None, with `multiple` a list of them. `types` are media types
    and ranges; `max_size` is in bytes. A file whose event is late is waited for `wait` seconds;
    `allow_pending` accepts it after that, although it may still be rejected.

    `key` names the field; without one, the module, class and name of the form's field do. The user
    comes from the form (`StoredFileFormMixin`) or is given here; without one, nothing is accepted.
    """

    widget: type[StoredFileInput] = StoredFileInput

    def __init__(
        self,
        *,
        types: Types = (),
        max_size: int | None = None,
        multiple: bool = False,
        key: str = "",
        wait: float = WAIT,
        allow_pending: bool = False,
        user: Any = None,
        **kwargs: Any,
    ) -> None:
        self.types, self.max_size, self.multiple = normalized(types), max_size, multiple
        self.key, self.wait, self.allow_pending, self.user = key, wait, allow_pending, user
        self._initial: frozenset[str] = frozenset()
        fields.FieldRules(key or "key", self.types, max_size)  # fails now, not at the first request
        super().__init__(**kwargs)

    @property
    def options(self) -> Options:
        return Options(self.key, self.types, self.max_size, self.wait, self.allow_pending)

    @property
    def accepts(self) -> checking.Field:
        """What the field accepts, from its user."""
        return self.options.accepts(self.user)

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        """Take from the form what the field needs: its own key, the user, what it has already."""
        if not self.key:
            path = f"{type(form).__module__}.{type(form).__qualname__}.{field_name}"
            self.key = re.sub(r"[^A-Za-z0-9_.-]", "-", path)[-fields.MAX_KEY :].lstrip(".-")
        if self.user is None:
            self.user = getattr(form, "user", None)
        self._initial = frozenset(self.prepare_value(self._current(form, field_name)))
        self._prepare_widget()
        return super().get_bound_field(form, field_name)

    def _current(self, form: forms.BaseForm, field_name: str) -> Any:
        """What the form has already, and may keep.

        A form with a row takes nothing from its `initial`, which the admin site fills from the URL.
        """
        instance = getattr(form, "instance", None)
        if instance is None:
            return form.get_initial_for_field(self, field_name)
        own = self.initial() if callable(self.initial) else self.initial
        return getattr(instance, field_name, own)

    def _prepare_widget(self) -> None:
        widget: Any = self.widget
        if isinstance(widget, StoredFileInput):
            limits = rules().at("", self.options.rules)
            widget.types = limits.allowed_types
            # S3's own limit tells nobody anything.
            is_limited = limits.max_size < S3_MAX_OBJECT_SIZE
            widget.max_size = limits.max_size if is_limited else None
            widget.multiple, widget.describe = self.multiple, self._describe
            widget.owner = self.accepts.owner or ""
            widget.token = "" if self.disabled else self.options.token_for(self.user)

    def prepare_value(self, value: Any) -> list[str]:
        """The ids, from whatever a form has: a file, an id, several, or nothing."""
        values = value if isinstance(value, list | tuple) else [value]
        return [each.id for each in map(as_attached, values) if each is not None]

    def to_python(self, value: Any) -> list[str]:
        return self.prepare_value(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return not self.disabled and self.prepare_value(initial) != self.prepare_value(data)

    def clean(self, value: Any) -> Any:
        """The files. Raises ValidationError, with the codes of `uploads.attachments.checking`."""
        ids = self.to_python(value)
        if self.required and not ids:
            raise ValidationError(self.error_messages["required"], code="required")
        if len(ids) > 1 and not self.multiple:
            raise _error(Problem("", "one_file"))
        checked = checking.check(ids, self.accepts, initial=self._initial)
        if checked.problems:
            raise ValidationError([_error(problem) for problem in checked.problems])
        self.run_validators(list(checked.files))
        if self.multiple:
            return list(checked.files)
        return checked.files[0] if checked.files else None

    def _describe(self, ids: Sequence[str]) -> list[Chosen]:
        """What the widget shows: what the field has, and what its user has chosen so far.

        The names of other files are not shown. While AWS does not respond, ids are.
        """
        files = [AttachedFile(each) for each in ids if keys.parse_upload_id(each)]
        try:
            read_files(files)
        except BackendUnavailable:
            return [Chosen(each.id) for each in files]
        return [self._chosen(each) for each in files if self._is_shown(each)]

    def _is_shown(self, file: AttachedFile) -> bool:
        info, accepts = file.info, self.accepts
        if file.id in self._initial:
            return True
        if info is None:
            # On its way. It is checked again when the form is sent.
            return accepts.owner is not None and checking.was_issued(file.id, accepts)
        is_own = info.owner == accepts.owner and info.field == accepts.rules.key
        return is_own and info.state in {"stored", "scanning"} and not info.claimed_by

    def _chosen(self, file: AttachedFile) -> Chosen:
        info = file.info
        if info is None:
            return Chosen(file.id)
        url = ""
        if file.exists():
            is_own = info.owner == self.accepts.owner
            url = _download_path(file.id) if is_own else file.url()
        return Chosen(file.id, info.file_name, info.size, url)


def _download_path(upload_id: str) -> str:
    return f"{reverse('filehub:api:download_file', args=[upload_id])}?redirect=1"


def _error(problem: Problem) -> ValidationError:
    return ValidationError(problem.message, code=problem.code)


class StoredFileFormMixin:
    """Tells the fields of a form who sends it. Put it before the form's class.

    The form then takes the keyword argument `user`. A formset passes it on with
    `form_kwargs={"user": request.user}`.
    """

    def __init__(self, *args: Any, user: Any = None, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)


class StoredFileFormSetMixin:
    """Refuses a file that two forms of a formset without a model have.

    Put it before the class of Django. Formsets of models compare unique columns by themselves.
    """

    def clean(self) -> None:
        super().clean()  # type: ignore[misc]
        formset: Any = self
        seen: set[str] = set()
        for form in formset.forms:
            if formset.can_delete and formset._should_delete_form(form):
                continue
            own: set[str] = set()
            for name, file in _files_of(form):
                if file.id in seen:
                    about = {"name": display_name(file.name or file.id)}
                    form.add_error(name, _error(Problem(file.id, "claimed", about)))
                own.add(file.id)
            seen |= own


def _files_of(form: forms.BaseForm) -> list[tuple[str, AttachedFile]]:
    """The accepted files of a form, with the names of their fields."""
    found = []
    for name, field in form.fields.items():
        if isinstance(field, StoredFileField):
            value = getattr(form, "cleaned_data", {}).get(name)
            files = value if isinstance(value, list) else [value]
            found += [(name, file) for file in files if file is not None]
    return found


class StoredFileAdminMixin:
    """Tells the fields of a ModelAdmin or an inline who sends its form.

    Put it before the class of Django. With django-csp, the page may send files to the bucket.
    """

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if getattr(db_field, "refers_to_files", False):
            kwargs["user"] = request.user
        return super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return shows_previews(super().changeform_view)(request, *args, **kwargs)  # type: ignore[misc]


def claim_files(files: Iterable[AttachedFile], by: str) -> None:
    """Note that something uses these files, if it is no row with a `StoredFileField`.

    `by` names it, such as `order:17`. Files that are claimed do not expire, and no form accepts
    them again. Safe to repeat with the same `by`. Raises FileClaimed if something else has claimed
    one of them, FileNotFound if one is gone, BackendUnavailable, and ValueError if `by` is empty.
    """
    if not by:
        raise ValueError("by is empty: it must name what uses the files")
    ids = [each.id for each in files]
    for error in gateway.current().claim(dict.fromkeys(ids, by)).values():
        raise error
