"""Commands as a person types them, run in this process."""

import io
import json
from typing import Any

from django.core.management import call_command


def run(command: str, *arguments: object) -> str:
    out = io.StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue().strip()


def run_json(command: str, *arguments: object) -> Any:
    return json.loads(run(command, *arguments, "--json"))
