from django.apps import AppConfig


class ReliabilityConfig(AppConfig):
    name = "reliability"
    verbose_name = "Reliability"

    def ready(self) -> None:
        from governance import retention
        from reliability import forgetting

        for walk in forgetting.WALKS:
            retention.register(walk)
