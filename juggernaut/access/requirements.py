"""Requirements of an entry point besides permissions such as `governance.cancel_task`."""

from collections.abc import Iterable

from governance.access import roles
from juggernaut.security import local_user

ANYONE = "anyone"  # without logging in, too
SIGNED_IN = "signed in"  # whoever shows a token or has a session, whatever they may do
CONSOLE = "console"  # whoever may enter the console
NOBODY = "nobody"  # not even a superuser
SHELL = "shell"  # a command that mirrors nothing: whoever has the shell and the database's credentials

WORDS = frozenset({ANYONE, SIGNED_IN, CONSOLE, NOBODY, SHELL})
ROLES = ("viewer", "operator", "admin")
WHO = ("anonymous", *ROLES)
LOOPBACK = "loopback"

Needs = tuple[str, ...]


def may(who: str, needs: Needs) -> bool:
    """Whether somebody of this role, or `anonymous`, or `loopback` of the local profile, meets all needs."""
    return all(_meets(who, need) for need in needs)


def permissions(needs: Iterable[str]) -> list[str]:
    """Those of the needs that are permissions of Django's."""
    return [need for need in needs if need not in WORDS]


def _meets(who: str, need: str) -> bool:
    if need in {NOBODY, SHELL}:
        return False
    if need == ANYONE:
        return True
    if who == "anonymous":
        return False
    if who == LOOPBACK:
        return need == SIGNED_IN or need in local_user.PERMISSIONS
    return need in {SIGNED_IN, CONSOLE} or need in roles.ROLES[who]
