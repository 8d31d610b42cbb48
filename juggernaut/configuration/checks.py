"""Checks between settings, and what the production profile requires."""

from collections.abc import Iterator
from ipaddress import ip_address

from juggernaut.configuration.fields import TRUTH_WORDS
from juggernaut.configuration.model import Configuration, MailTls
from juggernaut.configuration.problems import Problem

# As Django's own check of a deployment has it (security.W009).
KEY_LENGTH, KEY_CHARACTERS, KEY_OF_EXAMPLES = 50, 5, "django-insecure-"
MAKE_A_KEY = "python -c 'import secrets; print(secrets.token_urlsafe(50))' makes one"
NEEDED = "the production profile needs"
LOOPBACK = frozenset({"127.0.0.1", "localhost"})


def problems(found: Configuration) -> list[Problem]:
    """Everything that is wrong although each value alone is fine."""
    return [*_address(found), *_production(found), *_mail(found)]


def warnings(found: Configuration) -> list[str]:
    """What works and is hardly meant."""
    if found.mail_tls is MailTls.NONE and found.mail_password.get_secret_value() and not _is_near(found):
        return [
            "JUGGERNAUT_MAIL_TLS is off and JUGGERNAUT_MAIL_PASSWORD is set: "
            f"the password goes to {found.mail_host} in clear"
        ]
    return []


def _is_near(found: Configuration) -> bool:
    try:
        return ip_address(found.mail_host).is_loopback
    except ValueError:
        return found.mail_host in {"", "localhost"}


def _address(found: Configuration) -> Iterator[Problem]:
    if found.is_local and found.bind and found.bind not in LOOPBACK:
        yield Problem(
            "JUGGERNAUT_BIND",
            f"JUGGERNAUT_BIND is {found.bind!r}; expected 127.0.0.1, because the local profile asks nobody "
            "for a token: set JUGGERNAUT_PROFILE=production, or unset JUGGERNAUT_BIND",
        )


def _production(found: Configuration) -> Iterator[Problem]:
    if found.is_local:
        return
    yield from _key(found.secret_key.get_secret_value())
    yield from _hosts(found.allowed_hosts)
    if found.tls_redirect is None:
        yield Problem(
            "JUGGERNAUT_TLS_REDIRECT",
            f"JUGGERNAUT_TLS_REDIRECT is not set; {NEEDED} {TRUTH_WORDS}: whether this server redirects "
            "plain HTTP to TLS, or what stands in front of it does",
        )


def _key(key: str) -> Iterator[Problem]:
    name, random = "DJANGO_SECRET_KEY", f"{KEY_LENGTH} random characters or more"
    if not key:
        yield Problem(name, f"{name} is not set; {NEEDED} {random} ({MAKE_A_KEY})")
    elif len(key) < KEY_LENGTH or len(set(key)) < KEY_CHARACTERS or key.startswith(KEY_OF_EXAMPLES):
        yield Problem(name, f"{name} can be guessed; {NEEDED} {random} ({MAKE_A_KEY})")


def _hosts(hosts: tuple[str, ...]) -> Iterator[Problem]:
    name = "JUGGERNAUT_ALLOWED_HOSTS"
    if not hosts:
        yield Problem(name, f"{name} is not set; {NEEDED} host names, separated by commas")
    elif "*" in hosts:
        yield Problem(name, f"{name} allows every name; {NEEDED} those of this installation")


def _mail(found: Configuration) -> Iterator[Problem]:
    user, password = found.mail_user, found.mail_password.get_secret_value()
    if password and not user:
        yield Problem("JUGGERNAUT_MAIL_USER", f"JUGGERNAUT_MAIL_USER {_MISSING} JUGGERNAUT_MAIL_PASSWORD")
    if user and not password:
        yield Problem("JUGGERNAUT_MAIL_PASSWORD", f"JUGGERNAUT_MAIL_PASSWORD {_MISSING} JUGGERNAUT_MAIL_USER")


_MISSING = "is not set; expected what belongs to"
