"""Which profile this is, and what the local one has to say of itself wherever it is started or looked at."""

from juggernaut import configuration

NOTICE = (
    "no token needed: in the local profile whoever is on this machine may create and read tasks without one; "
    "JUGGERNAUT_PROFILE=production asks everybody"
)


def name() -> str:
    return configuration.current().profile.value


def notice() -> str:
    """What must be said loudly of this installation, if anything."""
    return NOTICE if configuration.current().is_local else ""
