from django.apps import AppConfig


class ReliabilityConfig(AppConfig):
    name = "reliability"
    verbose_name = "Reliability"

    def ready(self) -> None:
        from governance import retention
        from reliability import retention as reliability_retention

        for walk in reliability_retention.WALKS:
            retention.register(walk)
