"""The settings are declared once: in the model. The README's table, the files and the code follow it."""

import ast
import re

import pytest
from django.core.management import CommandError, call_command

from juggernaut.configuration import Configuration, fields, names, table
from juggernaut.environment import ROOT

CODE = ("juggernaut", "governance", "reliability", "gateway", "workers", "monitoring", "core")
PROGRAMS = ("main.py", "manage.py", "watchdog_main.py")
MODEL = ROOT / "juggernaut" / "configuration"
KNOWN = fields.known(Configuration)
# Variables that are not settings: of Django and django-q2, of Prometheus's client, of platforms.
NO_SETTINGS = {
    "JUGGERNAUT_TEST_POOLER",
    "DJANGO_SETTINGS_MODULE",
    "DJANGO_COLORS",
    "Q_CLUSTER_NAME",
    "PROMETHEUS_MULTIPROC_DIR",
}
READERS = {"get", "getenv", "pop"}
# Text in which an operator reads names of settings.
TEXTS = ("README.md", "compose.yaml", "Dockerfile", "Procfile", "deploy", "docs")


def modules():
    yield from (ROOT / name for name in PROGRAMS)
    for folder in CODE:
        yield from (path for path in (ROOT / folder).rglob("*.py") if not path.is_relative_to(MODEL))


def reads_of_settings(source):
    """Every variable of the model, or with its prefix, that the code reads from an environment."""
    for node in ast.walk(ast.parse(source)):
        name = None
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] in READERS:
            name = node.args[0] if "env" in ast.unparse(node.func) else None
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            name = node.slice if "environ" in ast.unparse(node.value) else None
        value = name.value if isinstance(name, ast.Constant) else None
        if isinstance(value, str) and (value in KNOWN or value.startswith(names.PREFIX)):
            yield value


def test_nothing_but_the_model_reads_a_setting_from_the_environment():
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in modules()
        for name in reads_of_settings(path.read_text())
    }

    # What embedded servers gave a child process is read from the mapping made for it.
    assert {each for each in found if each[1] not in {"DATABASE_URL", "REDIS_URL"}} == set()


@pytest.mark.parametrize(
    "source",
    [
        'os.environ.get("JUGGERNAUT_X")',
        'os.getenv("JUGGERNAUT_X", "1")',
        'os.environ["JUGGERNAUT_X"]',
        'environment.get("DJANGO_SECRET_KEY")',
    ],
)
def test_that_check_sees_every_way_to_read_one(source):
    assert list(reads_of_settings(source))


def test_the_readme_has_the_table_of_the_model():
    assert table.PATH.read_text() == table.document(), "run manage.py write_settings"


def test_write_settings_says_when_the_table_is_not_the_models(monkeypatch, tmp_path):
    copy = tmp_path / "README.md"
    copy.write_text(table.PATH.read_text().replace("| `JUGGERNAUT_PORT`", "| `JUGGERNAUT_HARBOUR`"))
    monkeypatch.setattr(table, "PATH", copy)
    with pytest.raises(CommandError, match=r"run manage\.py write_settings"):
        call_command("write_settings", "--check")

    call_command("write_settings")

    call_command("write_settings", "--check")
    assert "HARBOUR" not in copy.read_text()


def test_every_setting_says_what_it_means_and_what_is_expected():
    for field in Configuration.model_fields.values():
        assert field.description
        assert fields.expected(field)


def test_files_and_documents_name_only_settings_that_there_are():
    places = [ROOT / name for name in TEXTS]
    paths = [path for place in places for path in (place, *place.rglob("*")) if path.is_file()]
    named = {
        name
        for path in paths
        if path.suffix != ".png"
        for name in re.findall(r"\b(?:JUGGERNAUT|DJANGO)_[A-Z_]*[A-Z]\b(?!_)", path.read_text())
    }

    others = {name for name in named if name.startswith(names.OF_TESTS)}
    assert named - KNOWN - names.OF_CLIENTS - NO_SETTINGS - others == set()
