"""Which profile this is, and what the local one has to say of itself wherever it is started or looked at."""

import os

LOCAL = "local"
NOTICE = (
    "no token needed: in the local profile whoever is on this machine may create and read tasks without one; "
    "JUGGERNAUT_PROFILE=production asks everybody"
)


def name() -> str:
    return os.environ.get("JUGGERNAUT_PROFILE", LOCAL)


def notice() -> str:
    """What must be said loudly of this installation, if anything."""
    return NOTICE if name() == LOCAL else ""
