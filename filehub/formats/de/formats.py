"""Times say their zone, on the pages of Django's admin too; filehub's own always say UTC."""

from __future__ import annotations

DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "Y-m-d H:i T"
