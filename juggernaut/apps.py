from django.apps import AppConfig


class JuggernautConfig(AppConfig):
    name = "juggernaut"
    verbose_name = "Juggernaut"
