"""Warnings about settings, as Django's checks have them: every command prints them."""

import os
from typing import Any

from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning

from juggernaut.configuration import checks, names
from juggernaut.configuration.loading import current


def check(**options: Any) -> list[CheckMessage]:
    """Return a warning for each."""
    return [
        *(CheckWarning(text, id="juggernaut.W001") for text in names.warnings(os.environ)),
        *(CheckWarning(text, id="juggernaut.W002") for text in checks.warnings(current())),
    ]
