"""The navigation: sections by what operators do, and the pages of each beside one another."""

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import RequestFactory

from juggernaut.console import navigation
from tests.governance.console import person

EVERY = [
    "Overview", "Tasks", "Dead letters", "Workers", "Budgets", "Permissions", "Approvals", "Breakers",
    "Costs", "Alerts", "Diagnosis", "Audit", "Access",
]  # fmt: skip


def asked(path, user):
    request = RequestFactory().get(path)
    request.user = user
    return request


def shown(user):
    groups = navigation.sidebar(asked("/admin/", user))
    return [item["title"] for group in groups for item in group["items"]]


def test_there_is_an_entry_for_each_thing_that_operators_do():
    assert [section.title for section in navigation.sections()] == EVERY


@pytest.mark.django_db
def test_an_entry_is_shown_as_soon_as_its_page_is_there(monkeypatch):
    ada = User.objects.create_superuser("ada")
    there = [section.title for section in navigation.sections() if any(p.address for p in section.pages)]

    assert shown(ada) == there
    assert there == EVERY

    monkeypatch.setattr(navigation, "_address", lambda where: f"/{where}/")
    assert shown(ada) == EVERY


@pytest.mark.django_db
def test_who_may_see_little_is_shown_little():
    assert shown(person("view_task", "view_worker"))[:3] == ["Overview", "Tasks", "Workers"]
    assert "Audit" not in shown(person("view_task"))
    assert "Tasks" not in shown(AnonymousUser())


@pytest.mark.django_db
def test_an_entry_leads_to_the_first_page_that_may_be_seen():
    [item] = [
        item
        for group in navigation.sidebar(asked("/admin/", person("view_recurringtask")))
        for item in group["items"]
        if item["title"] == "Tasks"
    ]

    assert item["link"] == "/admin/governance/recurringtask/"


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("/admin/", "Overview"),
        ("/admin/governance/task/", "Tasks"),
        ("/admin/governance/task/add/", "Tasks"),
        ("/admin/governance/costline/7/change/", "Costs"),
        ("/admin/governance/costline/prices/set/", "Costs"),
        ("/admin/governance/toolpermission/matrix/", "Permissions"),
        ("/admin/breakers/reset/", "Breakers"),
        ("/admin/reliability/circuitbreaker/", "Breakers"),
    ],
)
def test_a_page_belongs_to_its_section(path, section):
    assert navigation.current(path).title == section


def test_a_page_that_is_nowhere_belongs_to_none():
    assert navigation.current("/admin/password_change/") is None
    assert navigation.crumbs(asked("/admin/password_change/", AnonymousUser())) == []


@pytest.mark.django_db
def test_the_pages_of_a_section_are_tabs_of_its_lists_and_of_no_row():
    ada = User.objects.create_superuser("ada")

    tabs = navigation.tabs(asked("/admin/governance/costline/prices/", ada))

    assert [(page.title, is_here) for page, is_here in tabs] == [
        ("Costs", False), ("Ledger", False), ("Model prices", True),
    ]  # fmt: skip
    assert navigation.tabs(asked("/admin/governance/costline/7/change/", ada)) == []
    assert navigation.tabs(asked("/admin/governance/approval/", ada)) == []


@pytest.mark.django_db
def test_a_row_s_page_leads_back_to_its_list():
    ada = User.objects.create_superuser("ada")

    assert navigation.crumbs(asked("/admin/governance/deadletter/7/change/", ada)) == [
        ("Dead letters", "/admin/governance/failuresignature/"), ("All", "/admin/governance/deadletter/"),
    ]  # fmt: skip
