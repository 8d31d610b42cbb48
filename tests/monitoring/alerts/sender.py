"""A watchdog's postman as a process of its own: looks, delivers what is due, and says how much arrived.

python -m tests.monitoring.alerts.sender HOOK PORT
"""

import os
import sys

import django


def main() -> None:
    hook, port = sys.argv[1:]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "juggernaut.settings")
    os.environ["JUGGERNAUT_ALERT_WEBHOOKS"] = hook
    os.environ["JUGGERNAUT_HTTP_PRIVATE_HOSTS"] = f"127.0.0.1:{port}"
    django.setup()
    from monitoring.alerts.delivery import sender
    from monitoring.alerts.evaluator import Evaluator

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    Evaluator().look()
    sys.stdout.write(f"{sender.deliver()}\n")


if __name__ == "__main__":
    main()
