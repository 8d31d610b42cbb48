"""A cluster as a program of its own: `python -m tests.reliability.cluster_program FUNCTION PROCESSES`."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "juggernaut.settings")
    import django

    django.setup()
    from django_q.conf import Conf

    from reliability.cluster import parent as cluster
    from reliability.cluster.worker_broker import WorkerBroker

    WorkerBroker.function = f"tests.reliability.drains.{sys.argv[1]}"
    Conf.WORKERS = int(sys.argv[2])
    cluster.serve(title="juggernaut test", children="juggernaut test", function=WorkerBroker.function)


if __name__ == "__main__":
    main()
