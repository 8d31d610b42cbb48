"""Writes the document: an overview, then one section a table, in the order of the layers."""

import re

from django.apps import apps
from django.db.models import Model

from juggernaut.environment import ROOT
from juggernaut.schema import catalogue, purposes
from juggernaut.schema.catalogue import Column, Part, Table

PATH = ROOT / "docs" / "architecture" / "database_schema.md"
APPS = ("governance", "reliability", "workers", "monitoring", "juggernaut")

_HEAD = (
    "# Database schema\n\n"
    "Written by `python manage.py write_schema` from a migrated database and from the docstrings and "
    "comments of the models. Do not edit it: change the model, make the migration, and run the command "
    "again; a test compares.\n\n"
    "PostgreSQL holds every fact. Times are `timestamp with time zone` in UTC, money is `numeric` in USD "
    "with nine decimals. Every table takes rows from `psql`: what is not named has a default, enumerations "
    "are check constraints, and triggers complete and audit what was typed. Casts to text are left out "
    "below. Beside these there are tables of Django (`auth_*`, `django_*`) and of django-q2 (`django_q_*`), "
    "which hold users, sessions and the clock.\n"
)
# The server writes one wherever a column of text is compared.
_CASTS = re.compile(r"::(character varying(\(\d+\))?|text)(\[\])?")


def text() -> str:
    """All of it, as of the database that is connected."""
    models = [model for app in APPS for model in apps.get_app_config(app).get_models()]
    tables = [(model, catalogue.table(_table(model))) for model in models]
    parts = [_HEAD, _overview(tables), *(_section(model, table) for model, table in tables)]
    return "\n".join(parts)


def _overview(tables: list[tuple[type[Model], Table]]) -> str:
    rows = [
        f"| [`{table.name}`](#{table.name}) | {model.__module__.split('.')[0]} | {_first_sentence(model)} |"
        for model, table in tables
    ]
    return "\n".join(["| Table | App | What |", "|---|---|---|", *rows, ""])


def _first_sentence(model: type[Model]) -> str:
    told = purposes.of_table(model).partition("\n\n")[0].replace("\n", " ")
    sentence = re.split(r"(?<=[.;:]) ", told)[0].rstrip(".;:")
    return _cell(re.sub(rf" \(`{_table(model)}`\)", "", sentence))


def _table(model: type[Model]) -> str:
    return model._meta.db_table  # noqa: SLF001 (Django documents it as public)


def _section(model: type[Model], table: Table) -> str:
    why = purposes.of_parts(model)
    lines = [f"## {table.name}", "", purposes.of_table(model), ""]
    lines += [f"Partitioned: `{table.partitioning}`.", ""] if table.partitioning else []
    lines += ["| Column | Type | Default |", "|---|---|---|", *map(_column, table.columns), ""]
    for title, parts in (
        ("Constraints", table.constraints),
        ("Indexes", table.indexes),
        ("Triggers", table.triggers),
    ):
        lines += [f"{title}:", "", *(_part(part, why) for part in parts), ""] if parts else []
    return "\n".join(lines)


def _column(column: Column) -> str:
    kind = f"`{column.type}`" + ("" if column.is_required else ", or null")
    default = f"`{_cell(_plain(column.default))}`" if column.default else ""
    if column.is_generated:
        default = f"always {default}" if default else "counts up"
    return f"| `{column.name}` | {kind} | {default} |"


def _part(part: Part, why: dict[str, str]) -> str:
    said = why.get(part.name, "")
    definition = re.sub(r"^CREATE (CONSTRAINT )?TRIGGER \S+ ", "", part.definition)
    definition = _plain(
        re.sub(r" ON \S+ ", " ", definition, count=1) if "EXECUTE" in definition else definition
    )
    return f"- `{part.name}`: `{definition}`" + (f" {said}" if said else "")


def _plain(definition: str) -> str:
    return _CASTS.sub("", definition)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
