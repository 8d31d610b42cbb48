"""What the production profile needs to be told before it starts: nothing of it is guessed."""

from collections.abc import Mapping, Sequence

from django.core.exceptions import ImproperlyConfigured

# As Django's own check of a deployment has it (security.W009).
KEY_LENGTH, KEY_CHARACTERS, KEY_OF_EXAMPLES = 50, 5, "django-insecure-"
MAKE_A_KEY = "python -c 'import secrets; print(secrets.token_urlsafe(50))' makes one"


def require(environment: Mapping[str, str], hosts: Sequence[str]) -> None:
    """Raise `ImproperlyConfigured`, which names everything that is missing, not the first of it."""
    found = [*_key(environment), *_hosts(hosts), *_tls(environment)]
    if found:
        raise ImproperlyConfigured(
            "the production profile does not start without what keeps it safe: " + "; ".join(found)
        )


def _key(environment: Mapping[str, str]) -> list[str]:
    key = environment.get("DJANGO_SECRET_KEY", "")
    if not key:
        return [f"DJANGO_SECRET_KEY is not set ({MAKE_A_KEY})"]
    is_weak = len(key) < KEY_LENGTH or len(set(key)) < KEY_CHARACTERS or key.startswith(KEY_OF_EXAMPLES)
    expected = f"expected {KEY_LENGTH} random characters or more"
    return [f"DJANGO_SECRET_KEY can be guessed: {expected} ({MAKE_A_KEY})"] if is_weak else []


def _hosts(hosts: Sequence[str]) -> list[str]:
    name = "JUGGERNAUT_ALLOWED_HOSTS"
    if not hosts:
        return [f"{name} is not set; expected host names, separated by commas"]
    return [f"{name} allows every name; expected those of this installation"] if "*" in hosts else []


def _tls(environment: Mapping[str, str]) -> list[str]:
    expected = "1 if this server is to redirect plain HTTP to TLS, 0 if what stands in front of it does"
    value = environment.get("JUGGERNAUT_TLS_REDIRECT", "")
    if value in {"0", "1"}:
        return []
    return [f"JUGGERNAUT_TLS_REDIRECT is {value!r}; expected {expected}"]
