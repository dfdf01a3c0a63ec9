from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Register the system checks of the standalone project."""

    name = "filehub"

    def ready(self) -> None:
        from filehub import checks  # noqa: F401, PLC0415
