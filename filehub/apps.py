from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Register the system checks of the standalone project, and start its traces."""

    name = "filehub"

    def ready(self) -> None:
        from filehub import checks, telemetry  # noqa: F401, PLC0415

        telemetry.configure()
