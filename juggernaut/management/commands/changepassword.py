"""`manage.py changepassword NAME`: Django's command, told in the audit log as whoever runs it."""

from typing import Any

from django.contrib.auth.management.commands import changepassword

from governance.access import actors
from governance.audit import log as audit


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        with audit.acting(actors.from_login(), verb="password"):
            said: str | None = super().handle(*args, **options)
        return said
