"""Parse the setting DESTINATIONS: a dict, or JSON in the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from uploads.core.destinations import Destination, covers
from uploads.core.errors import InvalidRequest
from uploads.core.folders import check_folder
from uploads.core.names import display_name
from uploads.core.setting_values import MediaRanges, split_commas
from uploads.core.strict_json import parse_json

MAX_DESTINATIONS = 50
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_MAX_LABEL = 60


class _Entry(BaseModel):
    """One destination as it is written in the settings."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field("", max_length=_MAX_LABEL)
    max_size: StrictInt | None = Field(None, ge=1)
    types: MediaRanges | None = None
    who: (
        Literal["everyone", "staff"]
        | Annotated[tuple[str, ...], BeforeValidator(split_commas), Field(min_length=1)]
    ) = "everyone"
    folder: str = ""
    keep_days: StrictInt | None = Field(None, ge=1, le=3650)


def parse_destinations(value: Any) -> dict[str, Destination]:
    """The destinations by name. Raises ValueError, whose text says which one is wrong, and why."""
    if isinstance(value, str | bytes):
        try:
            value = parse_json(value) if value.strip() else {}
        except ValueError:
            raise ValueError("it is not JSON") from None
    if not isinstance(value, Mapping):
        raise _wrong('it is not an object such as {"photos": {"types": "image/*"}}')
    if len(value) > MAX_DESTINATIONS:
        raise ValueError(
            f"it has {len(value)} destinations; at most {MAX_DESTINATIONS} are allowed"
        )
    return {name: _parse(name, entry) for name, entry in value.items()}


def _parse(name: object, value: object) -> Destination:
    if isinstance(value, Destination):
        return value
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a name: it has at most 40 lower-case letters, digits, hyphens and "
            "underscores, a letter or digit first"
        )
    if not isinstance(value, Mapping):
        raise _wrong(f"the destination {name!r} is not an object")
    try:
        entry = _Entry.model_validate(dict(value))
        folder = check_folder(entry.folder)
    except ValidationError as exc:
        raise ValueError(f"the destination {name!r}: {_problem(exc)}") from None
    except InvalidRequest as exc:
        raise ValueError(f"the destination {name!r}: folder: {exc.message.rstrip('.')}") from None
    if display_name(entry.label) != entry.label:
        raise ValueError(f"the destination {name!r}: label: it contains a control character")
    return Destination(
        name, entry.label, entry.max_size, entry.types, entry.who, folder, entry.keep_days
    )


def _wrong(problem: str) -> ValueError:
    """An error that pydantic reports: it would not catch a TypeError."""
    return ValueError(problem)


def _problem(exc: ValidationError) -> str:
    error = exc.errors(include_url=False)[0]
    field = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"{field} is not one of {', '.join(_Entry.model_fields)}"
    if field == "who":
        return 'who: it is neither "everyone" nor "staff" nor a list of groups'
    problem = error["msg"].removeprefix("Value error, ")
    return f"{field}: {problem[0].lower()}{problem[1:]}"


def check_limits(
    destinations: Mapping[str, Destination], *, max_size: int, types: tuple[str, ...]
) -> None:
    """Raise ValueError if a destination would allow what the general rules do not."""
    for name, destination in destinations.items():
        if destination.max_size is not None and destination.max_size > max_size:
            raise ValueError(
                f"the destination {name!r}: max_size: it is larger than MAX_SIZE, {max_size}"
            )
        for each in destination.types or ():
            if not covers(types, each):
                raise ValueError(
                    f"the destination {name!r}: types: {each!r} is not in ALLOWED_TYPES"
                )


#: The type of the setting.
Destinations = Annotated[Mapping[str, Destination], BeforeValidator(parse_destinations)]
