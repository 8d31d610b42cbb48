"""The settings of an installation: one declared model of environment variables, checked as a whole.

`current()` is the configuration of this process. Nothing else in the product reads a variable of it.
"""

from juggernaut.configuration.loading import child_environment, current, hide_secrets, load
from juggernaut.configuration.model import Configuration, Profile
from juggernaut.configuration.problems import ConfigurationError

__all__ = [
    "Configuration",
    "ConfigurationError",
    "Profile",
    "child_environment",
    "current",
    "hide_secrets",
    "load",
]
