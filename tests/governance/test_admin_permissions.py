"""Permissions in the console: what is used of quotas, the matrix, and the verbs."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance.access import permissions
from governance.models import AuditEntry, ToolPermission
from tests.governance.console import SEED, person
from tests.governance.gates_console import PERMISSIONS, RULER, VIEWER, do, do_many, page, text, told

pytestmark = pytest.mark.django_db
MATRIX = f"{PERMISSIONS}matrix/"


@pytest.fixture
def ruler(client):
    client.force_login(person(*RULER))
    return client


@pytest.fixture
def row(db):
    return permissions.grant("ANALYST", "mail.send", actor=SEED, max_calls_per_day=20, max_calls_per_minute=2)


def found(effect="allow", tool="mail.send"):
    return ToolPermission.objects.filter(worker_id="ANALYST", tool_name=tool, effect=effect).first()


def test_quotas_show_what_is_used_of_them_today_and_this_minute(ruler, row):
    permissions.check("ANALYST", "mail.send", at=timezone.now())

    shown = text(page(ruler, f"{PERMISSIONS}?q=mail"))

    assert "1 of 20" in shown
    assert "1 of 2" in text(page(ruler, f"{PERMISSIONS}{row.pk}/change/"))


def test_the_list_costs_the_same_queries_however_many_rows(ruler, django_assert_num_queries):
    page(ruler, PERMISSIONS)
    with django_assert_num_queries(10) as few:
        page(ruler, PERMISSIONS)
    for number in range(30):
        permissions.grant("ANALYST", f"tool.n{number}", actor=SEED)

    with django_assert_num_queries(len(few.captured_queries)):
        page(ruler, PERMISSIONS)


def test_the_matrix_says_who_may_call_what_in_two_queries_of_its_own(ruler, row, django_assert_num_queries):
    permissions.deny("EXECUTOR", "mail.send", actor=SEED)
    permissions.grant("STRATEGIST", "mail.send", actor=SEED, requires_approval=True)

    with django_assert_num_queries(8):
        html = page(ruler, MATRIX)

    [line] = [line for line in html.split("<tr>") if "mail.send</th>" in line]
    assert text(line).split()[:5] == ["mail.send", "allowed", "denied", "–", "asks"]


@pytest.mark.parametrize(("query", "count"), [("says=deny", 1), ("says=asks", 0), ("counts=ended", 1)])
def test_rows_are_found_by_what_they_say_and_when(ruler, row, query, count):
    permissions.deny("ANALYST", "mail.read", actor=SEED)
    ToolPermission.objects.filter(pk=row.pk).update(valid_until=timezone.now() - timedelta(hours=1))

    shown = ruler.get(f"{PERMISSIONS}?q=mail&{query}").context["cl"].result_list

    assert len(shown) == count


def test_a_permission_is_granted_with_its_terms_and_told_in_the_audit(ruler):
    done = do(
        ruler, f"{PERMISSIONS}add/?worker=ANALYST&tool=mail.send", reason="for the report",
        worker_id="ANALYST", tool_name="mail.send", effect="allow", max_calls_per_day="5",
        requires_approval="on", valid_until="2100-01-01T12:30",
    )  # fmt: skip

    assert done.url == PERMISSIONS
    granted = found()
    assert (granted.max_calls_per_day, granted.requires_approval) == (5, True)
    assert f"{granted.valid_until:%Y-%m-%d %H:%M %Z}" == "2100-01-01 12:30 UTC"
    entry = AuditEntry.objects.get(action="permission.grant")
    assert (entry.target, entry.reason) == ("permission ANALYST mail.send", "for the report")


@pytest.mark.parametrize(
    ("field", "value"),
    [("tool_name", "mail *"), ("worker_id", "NOBODY"), ("max_calls_per_day", "-1"), ("valid_until", "soon")],
)
def test_impossible_terms_are_named_by_their_field(ruler, field, value):
    said = {"worker_id": "ANALYST", "tool_name": "mail.send", "effect": "allow"} | {field: value}

    refused = do(ruler, f"{PERMISSIONS}add/", **said)

    assert list(refused.context["form"].errors) == [field]
    assert found() is None


def test_terms_that_contradict_each_other_are_refused(ruler, row):
    refused = do(
        ruler, f"{PERMISSIONS}{row.pk}/terms/", valid_from="2100-01-02T00:00", valid_until="2100-01-01T00:00"
    )

    assert "valid_from must be before valid_until" in text(refused.content.decode()).replace("&#x27;", "'")


def test_terms_are_changed_and_what_was_left_empty_has_no_limit(ruler, row):
    do(ruler, f"{PERMISSIONS}{row.pk}/terms/", max_calls_per_minute="9")

    assert (found().max_calls_per_day, found().max_calls_per_minute) == (None, 9)


def test_chosen_rows_are_revoked(ruler, row):
    done = do_many(ruler, PERMISSIONS, "revoke_chosen", row.pk, reason="leaks")

    assert told(done) == "Revoked ANALYST mail.send."
    assert found() is None
    assert AuditEntry.objects.get(action="permission.revoke").reason == "leaks"


def test_the_button_revokes_and_leads_to_the_list_for_the_row_is_gone(ruler, row):
    assert do(ruler, f"{PERMISSIONS}{row.pk}/revoke/").url == PERMISSIONS


def test_chosen_rows_are_denied_beside_what_allows_them(ruler, row):
    do_many(ruler, PERMISSIONS, "deny_chosen", row.pk)

    assert found("deny") is not None
    assert not permissions.look("ANALYST", "mail.send").is_allowed


def test_a_permission_that_has_ended_is_allowed_for_a_day(ruler, row):
    ToolPermission.objects.filter(pk=row.pk).update(valid_until=timezone.now() - timedelta(hours=1))

    done = do_many(ruler, PERMISSIONS, "for_a_day_chosen", row.pk)

    assert "Allowed until this time tomorrow: ANALYST mail.send." in told(done)
    assert found().valid_until - timezone.now() > timedelta(hours=23)
    assert found().max_calls_per_day == 20


def test_one_that_never_ends_is_not_shortened_to_a_day(ruler, row):
    do_many(ruler, PERMISSIONS, "for_a_day_chosen", row.pk)

    assert found().valid_until is None


@pytest.mark.parametrize("verb", ["terms", "day", "deny", "revoke"])
def test_who_may_only_look_sees_no_button_and_cannot_do_it_by_hand(client, row, verb):
    client.force_login(person(*VIEWER))

    assert f"/{row.pk}/{verb}/" not in page(client, f"{PERMISSIONS}{row.pk}/change/")
    assert f"{PERMISSIONS}add/" not in page(client, MATRIX)
    assert client.post(f"{PERMISSIONS}{row.pk}/{verb}/", {"confirmed": "1", "reason": "x"}).status_code == 403
    assert client.get(f"{PERMISSIONS}add/").status_code == 403


def test_the_service_refuses_although_the_page_would_allow(client, row, monkeypatch):
    from juggernaut.console.pages.access.permissions import PermissionAdmin

    monkeypatch.setattr(PermissionAdmin, "has_rule_permission", lambda *_: True)
    client.force_login(person(*VIEWER))

    assert do(client, f"{PERMISSIONS}{row.pk}/revoke/").status_code == 403
    assert found() is not None
