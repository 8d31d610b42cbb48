from importlib import import_module

from django.apps import AppConfig
from django.conf import settings


class WorkersConfig(AppConfig):
    name = "workers"
    verbose_name = "Workers"

    def ready(self) -> None:
        for module in settings.JUGGERNAUT_TASK_TYPES:
            import_module(module)
