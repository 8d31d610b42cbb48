from django.apps import AppConfig
from django.contrib.admin import apps as admin
from django.core import checks


class JuggernautConfig(AppConfig):
    name = "juggernaut"
    verbose_name = "Juggernaut"

    def ready(self) -> None:
        """Commands warn of settings that have no effect; sessions that have expired are removed."""
        from governance import retention
        from juggernaut.configuration import system_checks
        from juggernaut.security import session_retention

        retention.register(session_retention.WALK)
        checks.register(system_checks.check)


class ConsoleConfig(admin.AdminConfig):
    """Django's admin, with our site in it instead of the one that Unfold would put there."""

    default = False
    default_site = "juggernaut.console.site.ConsoleSite"

    def ready(self) -> None:
        """The pages register themselves once all models are there."""
        super().ready()
        from juggernaut.console import pages

        pages.register()
