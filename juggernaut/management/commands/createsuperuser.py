"""`manage.py createsuperuser`: Django's command, told in the audit log as whoever runs it."""

from typing import Any

from django.contrib.auth.management.commands import createsuperuser

from governance.access import actors
from governance.audit import log as audit


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with audit.acting(actors.from_login(), verb="create"):
            super().handle(*args, **options)
