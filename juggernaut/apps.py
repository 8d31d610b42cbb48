from django.apps import AppConfig
from django.contrib.admin import apps as admin


class JuggernautConfig(AppConfig):
    name = "juggernaut"
    verbose_name = "Juggernaut"


class ConsoleConfig(admin.AdminConfig):
    """Django's admin, with our site in it instead of the one that Unfold would put there."""

    default = False
    default_site = "juggernaut.admin_site.ConsoleSite"
