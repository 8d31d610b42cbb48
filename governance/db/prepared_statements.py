"""Statements that PostgreSQL plans once for each connection, not at every call.

For the few that run all the time: planning the claim costs five times what running it on an empty
queue does. A plan is made anew after ten seconds, because a table that was empty when it was planned
may hold a million rows by then. Sessions ask for generic plans (`governance.db.pooler`), which is what makes
them last. Behind a connection pooler a prepared statement belongs to no client: there they are not prepared.
"""

import re
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection
from django.db.backends.utils import CursorWrapper

from governance.db import pooler

PLAN_SECONDS = 10.0
# For each connection of the driver, when its statements were prepared.
_prepared_at: WeakKeyDictionary[Any, dict[str, float]] = WeakKeyDictionary()


class Prepared:
    """A statement with named parameters (`%(name)s`) and their PostgreSQL types.

    `name` is unique among all of them. A connection that broke is forgotten with what was prepared on it.
    """

    def __init__(self, name: str, sql: str, /, **types: str) -> None:
        self._name = f"juggernaut_{name}"
        numbers = {parameter: f"${n}" for n, parameter in enumerate(types, start=1)}
        body = re.sub(r"%\((\w+)\)s", lambda found: numbers[found[1]], sql).replace("%%", "%")
        self._prepare = f"PREPARE {self._name}({', '.join(types.values())}) AS {body}"
        values = {parameter: f"%({parameter})s::{kind}" for parameter, kind in types.items()}
        self._execute = f"EXECUTE {self._name}({', '.join(values.values())})"
        self._unprepared = re.sub(r"%\((\w+)\)s", lambda found: f"({values[found[1]]})", sql)

    def run(self, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Execute it on Django's default connection and fetch all rows."""
        with connection.cursor() as cursor:
            if pooler.is_shared():
                cursor.execute(self._unprepared, parameters)
            else:
                self._plan(cursor)
                cursor.execute(self._execute, parameters)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def _plan(self, cursor: CursorWrapper) -> None:
        prepared_at = _prepared_at.setdefault(connection.connection, {})
        if time.monotonic() - prepared_at.get(self._name, -PLAN_SECONDS) < PLAN_SECONDS:
            return
        if self._name in prepared_at:
            cursor.execute(f"DEALLOCATE {self._name}")
            del prepared_at[self._name]
        cursor.execute(self._prepare)
        prepared_at[self._name] = time.monotonic()
