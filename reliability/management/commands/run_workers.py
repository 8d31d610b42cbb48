"""`manage.py run_workers [WORKER …] [--processes N]`: the workers of one machine, until SIGTERM."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django_q.conf import Conf

from governance.db import errors as db_errors
from governance.models import Worker
from reliability.cluster import parent as cluster
from reliability.cluster import shared_state
from reliability.cluster.worker_broker import WorkerBroker
from reliability.watchdog.heartbeat import WATCHDOG


class Command(BaseCommand):
    help = (
        "Runs worker processes on this machine until SIGTERM or Ctrl-C, which lets running tasks finish "
        "within JUGGERNAUT_GRACE_SECONDS (30) and gives the others back. Start it on as many machines as "
        "you like. A process that hangs or grows over JUGGERNAUT_WORKER_MAX_RSS_MB (512) is replaced."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "workers",
            nargs="*",
            metavar="WORKER",
            help="whose tasks to run, such as EXECUTOR; default: everybody's",
        )
        parser.add_argument(
            "--processes",
            type=_positive,
            metavar="N",
            default=Conf.WORKERS,
            help="number of worker processes (default: JUGGERNAUT_WORKER_PROCESSES, now %(default)s)",
        )

    def handle(self, *, workers: list[str], processes: int, **options: Any) -> None:
        if Conf.CLUSTER_NAME != "workers":
            raise CommandError(
                f"Q_CLUSTER_NAME is {Conf.CLUSTER_NAME!r}; run_workers needs 'workers', or none"
            )
        shared_state.worker_ids = _known(workers)
        Conf.WORKERS = processes
        cluster.serve(
            title="juggernaut workers", children="juggernaut workers", function=WorkerBroker.function
        )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _known(asked: list[str]) -> tuple[str, ...]:
    """The asked worker ids, or all; refuses one that the registry does not know."""
    try:
        known = list(
            Worker.objects.exclude(worker_id=WATCHDOG)
            .order_by("worker_id")
            .values_list("worker_id", flat=True)
        )
    except db_errors.ERRORS as error:
        if not db_errors.is_unavailable(error):
            raise
        raise CommandError(db_errors.describe(error)) from error
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise CommandError(f"no such worker: {', '.join(unknown)}; known are {', '.join(known)}")
    return tuple(dict.fromkeys(asked)) or tuple(known)
