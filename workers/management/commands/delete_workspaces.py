"""`manage.py delete_workspaces`: the folders of tasks that ended long ago, on this machine."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.utils import timezone

from governance.management.command import GovernanceCommand, span_of_days
from workers.workspaces import cleanup


class Command(GovernanceCommand):
    help = (
        "Delete the folders in JUGGERNAUT_WORKSPACES whose tasks have all ended so many days ago. Workers do"
        " it by themselves, some folders an hour."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        days = settings.JUGGERNAUT_WORKSPACE_RETENTION_DAYS
        parser.add_argument("--days", type=int, default=days, help=f"how many days ago (default: {days})")
        parser.add_argument("--dry-run", action="store_true", help="say which they are, and delete none")
        self.add_json_argument(parser)

    def handle(self, *, days: int, dry_run: bool, **options: Any) -> None:
        found = list(cleanup.old(timezone.now() - span_of_days(days, "--days")))
        deleted = 0 if dry_run else cleanup.delete(found)
        document = {"dry_run": dry_run, "folders": [str(folder) for folder in found], "deleted": deleted}
        listed = [str(folder) for folder in found] if dry_run else []
        self.say(document, *listed, f"would be deleted: {len(found)}" if dry_run else f"deleted: {deleted}")
