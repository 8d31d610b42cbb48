from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class GovernanceConfig(AppConfig):
    name = "governance"
    verbose_name = "Governance"

    def ready(self) -> None:
        from governance import roles

        apps_with_permissions = {name.partition(".")[0] for name in roles.ROLES["admin"]}
        for label in sorted(apps_with_permissions):
            post_migrate.connect(roles.bring_up_to_date, sender=apps.get_app_config(label))
