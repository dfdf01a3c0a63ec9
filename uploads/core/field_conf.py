"""The settings of form fields, which are a part of `uploads.core.conf.Conf`."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, Field

from uploads.core.setting_values import OptionalNumber


class FieldConf(BaseModel):
    """What happens to files that were uploaded for a form field."""

    unclaimed_days: OptionalNumber = Field(
        None,
        ge=1,
        le=3650,
        description=(
            "Days after which a file that was uploaded for a "
            "[form field](integrating.md#files-in-your-forms) moves to the trash if no form has "
            "claimed it. Unset: never."
        ),
    )

    @property
    def unclaimed_for(self) -> timedelta | None:
        days: int | None = self.unclaimed_days
        return None if days is None else timedelta(days=days)
