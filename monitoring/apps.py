from django.apps import AppConfig
from django.conf import settings


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        """The watchdog looks for what is wrong, too. Processes that stay are named; what they weigh now,
        their growth is counted from."""
        from governance import retention
        from monitoring.alerts import duty, forgetting
        from reliability import sweep

        sweep.register(duty.NAME, duty.look)
        retention.register(forgetting.WALK)
        if settings.JUGGERNAUT_PROCESS:
            from monitoring import memory

            memory.note_start(settings.VAR_DIR)
            memory.note_children(settings.VAR_DIR)
