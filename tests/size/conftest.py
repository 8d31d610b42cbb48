"""A system of twenty thousand tasks, loaded once for all tests of its pages; they change nothing."""

import pytest
from django.db import connection, transaction

from governance.db import bounded_queries
from juggernaut import sample
from juggernaut.console.lists import search
from tests import emptying

SIZE = sample.Size(tasks=20_000, letters=5_000, lines=50_000, calls=30_000, groups=100, slice=4_000)


@pytest.fixture(scope="package")
def grown(django_db_setup, django_db_blocker):
    """Loaded in a transaction that the last test undoes: other tests find the tables as they were."""
    with django_db_blocker.unblock():
        connection.ensure_connection()
        emptying.sow()
        with transaction.atomic(), pytest.MonkeyPatch.context() as patched:
            # Smaller windows than the tables are long.
            patched.setattr(bounded_queries, "SEARCHED", 1_000)
            patched.setattr(search, "TITLES_SEARCHED", 1_000)
            for _ in sample.load(SIZE):
                pass
            yield
            transaction.set_rollback(True)
