from django.apps import AppConfig, apps
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class GovernanceConfig(AppConfig):
    name = "governance"
    verbose_name = "Governance"

    def ready(self) -> None:
        from governance.access import roles
        from governance.db import locks, pooler

        connection_created.connect(pooler.begin_session)

        connection_created.connect(locks.limit_statements)
        named = {name.partition(".")[0] for name in roles.ROLES["admin"]}
        last = [app for app in apps.get_app_configs() if app.label in named][-1]
        post_migrate.connect(roles.bring_up_to_date, sender=last)
