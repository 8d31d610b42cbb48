"""`docs/architecture/dlq.md` is true: its tests exist, its SQL runs, its constraints are the database's."""

import re

import pytest
from django.db import connection

from juggernaut.environment import ROOT
from tests.governance import letters

PAGE = (ROOT / "docs/architecture/dlq.md").read_text()
TESTS = sorted(set(re.findall(r"`(test_\w+)`", PAGE)))
RECIPES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
CONSTRAINTS = [
    "task_names_its_open_letter", "dead_letter_is_named", "letter_is_not_abandoned",
    "letter_one_open_per_task", "letter_resolved_says_how",
]  # fmt: skip


def test_every_test_that_it_names_exists():
    written = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))

    assert len(TESTS) > 30
    assert [name for name in TESTS if f"def {name}(" not in written] == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_every_constraint_that_it_names_is_the_databases(name):
    assert f"`{name}`" in PAGE
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_constraint WHERE conname = %s)"
            " OR EXISTS (SELECT FROM pg_class WHERE relname = %s AND relkind = 'i')",
            [name, name],
        )
        assert cursor.fetchone()[0]


@pytest.mark.django_db
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_does_what_it_says(recipe):
    for _ in range(2):
        letters.failed("connection reset")
    letters.failed("Error code: 401 - wrong key")

    answer = letters.sql(recipe)

    if recipe.startswith("SELECT"):
        assert answer
    else:
        assert answer == 1
    letters.assert_sound()
