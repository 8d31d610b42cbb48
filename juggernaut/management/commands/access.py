"""`manage.py access`: who may do what, as the document has it."""

from typing import Any

from django.core.management.base import BaseCommand

from juggernaut.access import document


class Command(BaseCommand):
    help = "Print who may do what: every request, page, action and command with the permission that it needs."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        self.stdout.write(document.text(), ending="")
