"""Template filters that format names, numbers and durations."""

from __future__ import annotations

from django import template
from django.utils import formats
from django.utils.translation import gettext

from uploads.core.names import display_name

register = template.Library()

# Every name in a template goes through this filter, or through File.__str__.
register.filter("display_name", display_name)


@register.filter
def grouped(number: int) -> str:
    """Format 1234567 as 1,234,567, with the separator of the active language."""
    return formats.number_format(number, force_grouping=True)


@register.filter
def duration(seconds: float | None) -> str:
    """Format a duration: tenths below 10 s, then whole seconds, minutes, hours."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return gettext("%(n)s s") % {"n": formats.number_format(seconds, 1)}
    whole = round(seconds)
    if whole < 60:
        return gettext("%(n)s s") % {"n": whole}
    if whole < 3600:
        return gettext("%(m)s min %(s)s s") % {"m": whole // 60, "s": whole % 60}
    return gettext("%(h)s h %(m)s min") % {"h": whole // 3600, "m": whole % 3600 // 60}
