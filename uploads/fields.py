"""A model field for files that are in S3: it stores the id of one.

    class Product(models.Model):
        manual = StoredFileField(types="application/pdf", max_size=10_000_000, on_delete=TRASH)

A file is used by one row at most: the column is unique. See docs/integrating.md.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.apps import apps
from django.core import checks
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.query_utils import DeferredAttribute
from django.utils.translation import gettext_lazy as _

from uploads import forms as stored_forms
from uploads.attachments import gateway
from uploads.attachments.attached import AttachedFile, as_attached, read_files
from uploads.attachments.options import WAIT, Options, Types, normalized
from uploads.core import keys
from uploads.core.errors import BackendUnavailable, FileNotFound
from uploads.files import references
from uploads.files.references import claim_of

__all__ = ["KEEP", "TRASH", "AttachedFile", "StoredFileField", "read_files"]

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    _Field = models.Field  # not generic when it runs

#: What happens to a file when its row is deleted or gets another file: nothing, or it moves to the
#: trash, from where its owner can restore it.
KEEP, TRASH = "keep", "trash"


class _Descriptor(DeferredAttribute):
    """The value of the field is always an AttachedFile or None, whatever is assigned."""

    field: Any

    def __set__(self, instance: models.Model, value: Any) -> None:
        if hasattr(value, "resolve_expression"):
            name = self.field.name
            raise TypeError(
                f"{name} takes a file or its id. Use QuerySet.update() for expressions."
            )
        instance.__dict__[self.field.attname] = as_attached(value)


class StoredFileField(_Field):
    """The id of a file; on an instance an `AttachedFile`, or None.

    `on_delete` (KEEP or TRASH) must be given. The others are those of the form field
    (`uploads.forms.StoredFileField`). With `blank=True` the column may be NULL, since "" could not
    be unique. With `unique=False` several rows may share a file, although forms refuse that.
    """

    description = _("A stored file")
    descriptor_class = _Descriptor
    empty_strings_allowed = False
    default_error_messages = {
        "invalid": _("“%(value)s” is not the id of a file."),
        "unique": _(
            "This file is already used. If you have sent this form before, it has arrived."
        ),
    }
    #: For `uploads.files.references`.
    refers_to_files = True

    def __init__(
        self,
        verbose_name: Any = None,
        name: str | None = None,
        *,
        on_delete: str,
        types: Types = (),
        max_size: int | None = None,
        wait: float = WAIT,
        allow_pending: bool = False,
        **kwargs: Any,
    ) -> None:
        self.on_delete = on_delete
        self.types, self.max_size = normalized(types), max_size
        self.wait, self.allow_pending = wait, allow_pending
        self.key = ""
        kwargs.setdefault("unique", True)
        kwargs.setdefault("null", bool(kwargs.get("blank")))
        kwargs["max_length"] = 36
        # Not only for queries of the project: the sweep of files that have expired looks rows up.
        kwargs.setdefault("db_index", not kwargs["unique"])
        super().__init__(verbose_name, name, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"]
        kwargs["on_delete"] = self.on_delete
        kwargs["unique"] = self.unique
        if not self.unique:
            kwargs["db_index"] = bool(self.db_index)  # type: ignore[attr-defined]  # not in the stubs
        for option, default in (
            ("types", ()), ("max_size", None), ("wait", WAIT), ("allow_pending", False),
        ):  # fmt: skip
            if getattr(self, option) != default:
                kwargs[option] = getattr(self, option)
        return name, path, args, kwargs

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return [*super().check(**kwargs), *self._check_options()]

    def _check_options(self) -> Iterable[checks.CheckMessage]:
        if self.on_delete not in {KEEP, TRASH}:
            hint = "Use uploads.fields.KEEP or uploads.fields.TRASH."
            yield checks.Error("on_delete is neither.", hint=hint, obj=self, id="filehub.E030")
        try:
            _ = self.options.rules
        except ValueError as exc:
            yield checks.Error(f"Its limits cannot be signed: {exc}.", obj=self, id="filehub.E031")
        if self.blank and not self.null:
            problem = "blank=True needs null=True: two rows without a file would not be unique."
            yield checks.Error(problem, obj=self, id="filehub.E032")

    @property
    def options(self) -> Options:
        """Its options. `token_for` makes the token for clients without a form."""
        return Options(self.key, self.types, self.max_size, self.wait, self.allow_pending)

    def get_internal_type(self) -> str:
        return "CharField"

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False
    ) -> None:
        super().contribute_to_class(cls, name, private_only)
        self.key = f"{cls._meta.label_lower}.{name}"
        # Not the models of migrations, which only look like those of the project.
        if not cls._meta.abstract and cls._meta.apps is apps:
            models.signals.class_prepared.connect(self._watch)

    def _watch(self, sender: type[models.Model], **kwargs: Any) -> None:
        """Watch the rows of the model, and of those that inherit from it."""
        if issubclass(sender, self.model):
            models.signals.pre_save.connect(self._before_save, sender=sender)
            models.signals.post_save.connect(self._after_save, sender=sender)
            models.signals.pre_delete.connect(self._before_delete, sender=sender)
            models.signals.post_delete.connect(self._after_delete, sender=sender)

    def to_python(self, value: Any) -> AttachedFile | None:
        attached = as_attached(value)
        if attached is not None and keys.parse_upload_id(attached.id) is None:
            raise ValidationError(
                self.error_messages["invalid"], code="invalid", params={"value": attached.id}
            )
        return attached

    def get_prep_value(self, value: Any) -> str | None:
        attached = as_attached(super().get_prep_value(value))
        return None if attached is None else attached.id

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        own = {
            "form_class": stored_forms.StoredFileField,
            "key": self.key,
            "types": self.types,
            "max_size": self.max_size,
            "wait": self.wait,
            "allow_pending": self.allow_pending,
        }
        return super().formfield(**{**own, **kwargs})

    # After the commit, the file of a row is claimed, and the one that it had before may be trashed.
    # If the claim fails, the row still counts (`uploads.files.references`).

    def _before_save(
        self, instance: Any, raw: bool, using: str, update_fields: Any, **kwargs: Any
    ) -> None:
        """Note the file that the row has in the database."""
        is_written = update_fields is None or self.name in update_fields
        vars(instance).pop(self._noted, None)
        if raw or not is_written or instance.pk is None:
            return
        rows = type(instance)._base_manager.using(using).filter(pk=instance.pk)
        before = rows.values_list(self.attname, flat=True).first()
        vars(instance)[self._noted] = before

    def _after_save(
        self, instance: Any, raw: bool, using: str, update_fields: Any, **kwargs: Any
    ) -> None:
        is_written = update_fields is None or self.name in update_fields
        before = vars(instance).pop(self._noted, None)
        if raw or not is_written:
            return
        now = self.value_from_object(instance)
        if now is not None and now != before:
            by = claim_of(self, instance.pk)
            transaction.on_commit(partial(_claim, now.id, by), using=using)
        if before and now != before:
            self._let_go(before, using)

    def _before_delete(self, instance: Any, **kwargs: Any) -> None:
        """Read the file if it is deferred: afterwards there is no row to read it from."""
        self.value_from_object(instance)

    def _after_delete(self, instance: Any, using: str, **kwargs: Any) -> None:
        file = self.value_from_object(instance)
        if file is not None:
            self._let_go(file.id, using)

    def _let_go(self, upload_id: str, using: str) -> None:
        if self.on_delete == TRASH:
            # Not of the model of the instance: the row of its parent may stay.
            rows = self.model._base_manager.using(using).filter(**{self.attname: upload_id})
            transaction.on_commit(partial(_trash, upload_id, self.key, rows), using=using)

    @property
    def _noted(self) -> str:
        return f"_filehub_{self.name}_before"


def _claim(upload_id: str, by: str) -> None:
    """Claim a file. If this fails, the row counts as the claim when the file would expire."""
    try:
        error = gateway.current().claim({upload_id: by}).get(upload_id)
    except BackendUnavailable as exc:
        error = exc
    if error is not None:
        about = {"upload_id": upload_id}
        logger.warning(
            "the claim of %s failed: %r", upload_id, error.__cause__ or error, extra=about
        )


def _trash(upload_id: str, by: str, rows: models.QuerySet[Any]) -> None:
    """Move a file to the trash, unless another row, of any model, refers to it by now."""
    if rows.exists() or references.find([upload_id]):
        return
    try:
        error = gateway.current().trash([upload_id], by)[0].error
    except BackendUnavailable as exc:
        error = exc
    if error is not None:
        # Gone already, or still being checked for malware: then it stays in its owner's list.
        level = logging.INFO if isinstance(error, FileNotFound) else logging.WARNING
        cause, about = error.__cause__ or error, {"upload_id": upload_id}
        logger.log(level, "%s was not moved to the trash: %r", upload_id, cause, extra=about)
