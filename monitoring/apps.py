from django.apps import AppConfig
from django.conf import settings


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        """The watchdog looks for what is wrong, too. Processes that stay are named; what they weigh now,
        their growth is counted from."""
        from governance import retention
        from monitoring.alerts import retention as alerts_retention
        from monitoring.alerts import watchdog_duty
        from reliability.watchdog import sweep

        sweep.register(watchdog_duty.NAME, watchdog_duty.look)
        retention.register(alerts_retention.WALK)
        if settings.JUGGERNAUT_PROCESS:
            from monitoring import memory

            memory.note_start(settings.VAR_DIR)
            memory.note_children(settings.VAR_DIR)
