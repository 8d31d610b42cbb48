from importlib import import_module

from django.apps import AppConfig, apps
from django.conf import settings
from django.db.models.signals import post_migrate


class WorkersConfig(AppConfig):
    name = "workers"
    verbose_name = "Workers"

    def ready(self) -> None:
        from workers.sql import role as sql_role

        for module in (*settings.JUGGERNAUT_TOOLS, *settings.JUGGERNAUT_TASK_TYPES):
            import_module(module)
        # Sent once for each app that has models, and this one has none.
        post_migrate.connect(sql_role.prepare, sender=apps.get_app_config("governance"))
