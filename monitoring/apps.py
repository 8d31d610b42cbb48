import os

from django.apps import AppConfig
from django.conf import settings


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        """Processes that stay are named; what they weigh now, their growth is counted from."""
        if os.environ.get("JUGGERNAUT_PROCESS"):
            from monitoring import memory

            memory.note_start(settings.VAR_DIR)
            memory.note_children(settings.VAR_DIR)
