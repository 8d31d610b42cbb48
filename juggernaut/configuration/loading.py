"""Reading the settings of this process from its environment."""

import os
from collections.abc import Mapping
from functools import lru_cache

from pydantic import SecretStr, ValidationError

from governance.audit import redaction
from juggernaut.configuration import checks, fields, problems
from juggernaut.configuration.model import Configuration
from juggernaut.configuration.problems import ConfigurationError

_NAMES = tuple(sorted(fields.known(Configuration)))


def current() -> Configuration:
    """The settings of this process, read again when a variable has changed. Raises `ConfigurationError`."""
    return _cached(tuple(os.environ.get(name) for name in _NAMES))


@lru_cache(maxsize=4)
def _cached(values: tuple[str | None, ...]) -> Configuration:
    return load()


def load() -> Configuration:
    """Read and check the environment. Raises `ConfigurationError`, which names all that is wrong."""
    try:
        found, wrong = Configuration(), []
    except ValidationError as error:
        wrong = problems.of_values(Configuration, error=error)
        found = _without({problem.name for problem in wrong})
    refused = {problem.name for problem in wrong}
    wrong += [problem for problem in checks.problems(found) if problem.name not in refused]
    if wrong:
        # Not chained: the cause's traceback would hold what was refused, which may be a secret.
        raise ConfigurationError(wrong) from None
    return found


def _without(refused: set[str]) -> Configuration:
    """The settings with defaults for what was refused, so that everything else is checked, too."""
    defaults = {
        fields.names(field)[0]: field.default
        for field in Configuration.model_fields.values()
        if refused.intersection(fields.names(field))
    }
    return Configuration(**defaults)


# A server's address is no secret; the password in it is.
_SERVERS = ("database_url", "database_url_direct", "redis_url")


def hide_secrets(found: Configuration) -> None:
    """Let no log and no record show what is secret in the settings."""
    redaction.learn(*_secrets(found))
    redaction.learn_urls(*(getattr(found, name).get_secret_value() for name in _SERVERS))


def _secrets(found: Configuration) -> list[str]:
    values = [getattr(found, name) for name in Configuration.model_fields if name not in _SERVERS]
    several = [each for value in values for each in (value if isinstance(value, tuple) else (value,))]
    return [each.get_secret_value() for each in several if isinstance(each, SecretStr)]


def child_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `changes`, which no file replaces, for a process of ours."""
    replaced = {name + fields.FILE_SUFFIX for name in changes}
    return {name: value for name, value in os.environ.items() if name not in replaced} | dict(changes)
