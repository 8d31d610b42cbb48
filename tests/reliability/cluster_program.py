"""A cluster as a program of its own: `python -m tests.reliability.cluster_program FUNCTION PROCESSES`."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "juggernaut.settings")
django.setup()

from django_q.conf import Conf  # noqa: E402

from reliability import cluster  # noqa: E402
from reliability.standing_order import StandingOrder  # noqa: E402

StandingOrder.function = f"tests.reliability.drains.{sys.argv[1]}"
Conf.WORKERS = int(sys.argv[2])
cluster.serve(title="juggernaut test", children="juggernaut test")
