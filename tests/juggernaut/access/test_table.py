"""Whatever answers stands in the table of permissions, and the document says what the table says."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import RequestFactory

from juggernaut.access import commands, document, endpoints, entry_points, pages, requirements
from juggernaut.access.commands import COMMANDS
from juggernaut.access.endpoints import ENDPOINTS
from juggernaut.access.pages import ACTIONS, MODELS, PAGES
from juggernaut.environment import ROOT

OWN_PAGES = ("changelist", "add", "history", "delete", "change")


def is_of_a_model(address: entry_points.Address) -> bool:
    """One of the pages that each model has by itself; its needs stand with the model."""
    of_models = {f"admin/{label.replace('.', '/')}/" for label in entry_points.models()}
    start = next((prefix for prefix in of_models if address.route.startswith(prefix)), None)
    if start is None or address.route in {route for _, route in PAGES}:
        return False
    rest = address.route.removeprefix(start)
    own = {"", "add/", *(f"<path:object_id>/{verb}" for verb in ("", "history/", "delete/", "change/"))}
    return rest in own


def superusers_request():
    request = RequestFactory().get("/admin/")
    request.user = User(is_superuser=True, is_active=True, is_staff=True)
    return request


def test_every_request_of_the_api_has_a_row():
    there = {(m, a.route) for a in entry_points.addresses() if a.is_api for m in a.methods}
    missing = sorted(there - {*ENDPOINTS})

    assert not missing, f"add to juggernaut/access/endpoints.py, with the permission it needs: {missing}"


def test_every_page_has_a_row():
    there = [a for a in entry_points.addresses() if not a.is_api and not is_of_a_model(a)]
    known = {route for _, route in PAGES}
    missing = sorted(address.route for address in there if address.route not in known)

    assert not missing, f"add to _PAGES of juggernaut/access/pages.py, with what they need: {missing}"


def test_every_model_of_the_console_has_a_row():
    missing = sorted(set(entry_points.models()) - {model for _, model in MODELS})

    assert not missing, f"add to _MODELS of juggernaut/access/pages.py who may view them: {missing}"


def test_every_action_of_the_console_has_a_row():
    missing = sorted(set(entry_points.actions(superusers_request())) - {*ACTIONS})

    assert not missing, f"add to _ACTIONS of juggernaut/access/pages.py, with what they need: {missing}"


def test_every_command_has_a_row():
    missing = sorted(set(entry_points.commands()) - {row.split()[0] for row in COMMANDS})

    assert not missing, f"add to juggernaut/access/commands.py what they mirror, or SHELL: {missing}"


def test_no_row_is_about_what_is_not_there():
    there = entry_points.addresses()
    requests = {(m, a.route) for a in there if a.is_api for m in a.methods}

    assert sorted({*ENDPOINTS} - requests) == []
    assert sorted({route for _, route in PAGES} - {a.route for a in there}) == []
    assert sorted({model for _, model in MODELS} - set(entry_points.models())) == []
    assert sorted({*ACTIONS} - set(entry_points.actions(superusers_request()))) == []
    assert sorted({row.split()[0] for row in COMMANDS} - set(entry_points.commands())) == []


@pytest.mark.parametrize(
    ("rows", "named_by"),
    [
        (endpoints._ROWS, 2), (pages._PAGES, 2), (pages._MODELS, 2), (pages._BUTTONS, 2),
        (pages._ACTIONS, 2), (commands._ROWS, 1),
    ],
)  # fmt: skip
def test_nothing_has_two_rows_and_every_row_needs_something(rows, named_by: int):
    names = [row[:named_by] for row in rows]

    assert len(set(names)) == len(names)
    assert [row for row in rows if len(row) == named_by] == []


@pytest.mark.django_db
def test_every_permission_that_a_row_names_exists():
    tables = (ENDPOINTS, PAGES, MODELS, ACTIONS, COMMANDS)
    named = {name for table in tables for needs in table.values() for name in requirements.permissions(needs)}
    known = {
        f"{app}.{code}" for app, code in Permission.objects.values_list("content_type__app_label", "codename")
    }

    assert sorted(named - known) == []


def test_the_document_says_what_the_table_says():
    written = (ROOT / "docs" / "architecture" / "access.md").read_text()

    assert written == document.text(), "run: python manage.py access > docs/architecture/access.md"
