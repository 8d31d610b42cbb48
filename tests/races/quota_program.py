"""A program that asks for permissions, in turns, and prints how often it was told yes: a count for each.
Calls of tools that end with `returned` are given back.

python -m tests.races.quota_program WORKER AT ASKS TOOL …
"""

import json
import os
import sys
from datetime import datetime

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "juggernaut.settings")
    django.setup()
    from governance.access import permissions

    worker_id, at, asks, *tools = sys.argv[1:]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    said_yes = dict.fromkeys(tools, 0)
    for tool_name in tools * int(asks):
        decision = permissions.check(worker_id, tool_name, at=datetime.fromisoformat(at))
        said_yes[tool_name] += decision.is_allowed
        if tool_name.endswith("returned"):
            permissions.give_back(decision)
    sys.stdout.write(f"{json.dumps(said_yes)}\n")


if __name__ == "__main__":
    main()
