import os

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        """Processes that stay are named; what they weigh now, their growth is counted from."""
        if os.environ.get("JUGGERNAUT_PROCESS"):
            from monitoring import memory

            memory.note_start()
            memory.note_children()
