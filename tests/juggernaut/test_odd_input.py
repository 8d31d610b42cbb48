"""What nobody means, typed into the console's addresses and forms: an answer in words, never 500."""

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client

from juggernaut.console.lists.read_only import CheckedChangeList, RowPageMixin
from reliability.breakers.models import CircuitBreaker
from tests.governance.console import person, submit

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
TASKS = "/admin/governance/task/"
PRICES = "/admin/governance/modelprice/"


@pytest.fixture
def boss(client: Client) -> Client:
    client.raise_request_exception = False
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.mark.parametrize("field", ["username", "password"])
def test_a_login_that_is_too_long_is_told_beside_its_field(client: Client, field: str):
    page = client.post(LOGIN, {"username": "ada", "password": "x"} | {field: "x" * 10_000})

    assert page.status_code == 200
    assert "at most" in str(page.context["form"].errors[field])
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("name", ["status", "worker", "type", "created", "q", "o", "p", "e", "nonsense"])
def test_a_filter_with_a_null_character_is_named(boss: Client, name: str):
    page = boss.get(TASKS, {name: "a\x00b"})

    assert page.status_code == 400
    assert f"{name} in the address contains the character U+0000" in page.content.decode()


@pytest.mark.parametrize("address", ["/admin/costs/", "/admin/breakers/", "/admin/diagnosis/", PRICES])
def test_no_page_of_the_console_takes_one(boss: Client, address: str):
    assert boss.get(f"{address}?hours=%00").status_code == 400


@pytest.mark.parametrize("key", ["%00", "a%00b", "x" * 2_000, "9" * 4_000, "-1", "%C2%B2", "NaN"])
@pytest.mark.parametrize(
    "rows", ["governance/task", "auth/user", "governance/worker", "governance/auditentry"]
)
def test_an_address_of_no_row_is_no_error_of_the_server(boss: Client, rows: str, key: str):
    assert boss.get(f"/admin/{rows}/{key}/change/").status_code in {302, 404}


@pytest.mark.parametrize("key", ["a\x00b", "no id", "9" * 40, "-1", "²", "x" * 10_000])
def test_rows_that_no_list_has_offered_are_refused(boss: Client, key: str):
    task_id = submit()
    asked = {"action": "cancel_chosen", "_selected_action": [str(task_id), key], "index": "0"}

    answer = boss.post(TASKS, asked)

    assert answer.status_code == 302
    assert "Nothing was done" in str(next(iter(get_messages(answer.wsgi_request))))


@pytest.mark.parametrize("key", ["9" * 40, "no number", "a\x00b"])
def test_so_are_people_and_groups(boss: Client, key: str):
    Group.objects.create(name="night shift")
    asked = {"action": "delete_selected", "_selected_action": key, "index": "0"}

    assert boss.post("/admin/auth/group/", asked).status_code == 302
    assert Group.objects.filter(name="night shift").exists()


def test_who_may_look_still_sees_the_list(client: Client):
    client.force_login(person("view_task"))

    assert client.get(TASKS, {"q": "x" * 2_000, "status": "nonsense"}).status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"created_at__year": "-1"},
        {"created_at__year": "9" * 20},
        {"id__in": "no id"},
        {"created_at__gte": "infinity"},
    ],
    ids=lambda asked: str(*asked.values()),
)
def test_a_filter_that_cannot_be_meant_is_named_and_shows_no_list_without_it(
    boss: Client, asked: dict[str, str]
):
    page = boss.get("/admin/governance/approval/", asked)

    assert page.status_code == 400
    assert f"this list cannot be filtered so: {next(iter(asked))}" in page.content.decode()


def test_a_search_that_is_too_long_is_told(boss: Client):
    page = boss.get("/admin/governance/deadletter/", {"q": "x" * 2_000})

    assert page.status_code == 400
    assert "at most 1000 characters are expected" in page.content.decode()


def test_every_list_of_the_console_checks_its_filters_and_its_ticks(boss: Client, rf):
    request = rf.get("/")

    for model, page in admin.site._registry.items():
        assert isinstance(page, RowPageMixin), model
        assert issubclass(page.get_changelist(request), CheckedChangeList), model


@pytest.mark.parametrize("until", ["0001-01-01T00:00", "9999-12-31T23:59", "0001-01-01T00:00+14:00"])
@pytest.mark.parametrize("action", ["disable", "force-open"])
def test_a_time_of_another_age_is_told_beside_its_field(boss: Client, until: str, action: str):
    CircuitBreaker.objects.get_or_create(name="openrouter")
    asked = {"until": until, "reason": "asked for", "preview": "1"}

    page = boss.post(f"/admin/reliability/circuitbreaker/openrouter/{action}/", asked)

    assert page.status_code == 200
    assert "between the years 2000 and 2199" in str(page.context["form"].errors["until"])
