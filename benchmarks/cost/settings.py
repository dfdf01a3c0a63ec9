"""filehub's settings in the processes whose requests are counted: only the recorder is added."""

from __future__ import annotations

from benchmarks.cost import recorder
from filehub import settings

globals().update({name: getattr(settings, name) for name in dir(settings) if name.isupper()})

recorder.install()
INSTALLED_APPS = [*settings.INSTALLED_APPS, "benchmarks.cost.apps.Cost"]
