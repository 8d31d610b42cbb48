"""The names that operators type: `core.dlq`. Importing any of them prepares everything it needs."""

from core import setup

setup.prepare()
