from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Registers the system checks of the stand-alone project."""

    name = "filehub"

    def ready(self) -> None:
        from filehub import checks  # noqa: F401, PLC0415
