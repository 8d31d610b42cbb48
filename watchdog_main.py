#!/usr/bin/env python
"""The watchdog: `python watchdog_main.py`. Start as many as you like; one leads, the others stand by."""

import argparse
import os

from juggernaut import environment


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    environment.prepare()
    environment.require_settings()
    # django-q2 reads its configuration once, on import.
    os.environ["Q_CLUSTER_NAME"] = "watchdog"
    os.environ.setdefault("JUGGERNAUT_PROCESS", "juggernaut watchdog")
    import django

    django.setup()
    from juggernaut.configuration import names
    from reliability.cluster import parent as cluster

    names.log_warnings()

    cluster.serve(
        title="python watchdog_main.py",
        children="juggernaut watchdog",
        function="reliability.watchdog.loop.watch",
    )


if __name__ == "__main__":
    main()
