"""What a worker may call: no row means no, deny wins, names and prefixes, times and quotas."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from governance.access import permissions
from governance.access.actors import Actor
from governance.errors import Forbidden, InvalidInput, PermissionNotFound
from governance.models import PermissionUse, ToolPermission

pytestmark = pytest.mark.django_db
ANN = Actor("user:ann", is_trusted=True)
NOON = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)


def row(tool_name, worker_id="ANALYST", **fields):
    return ToolPermission.objects.create(worker_id=worker_id, tool_name=tool_name, **fields)


def may(tool_name, worker_id="ANALYST", at=None):
    return permissions.check(worker_id, tool_name, at=at)


@pytest.fixture(autouse=True)
def nothing_is_granted():
    ToolPermission.objects.all().delete()


class TestTheRule:
    def test_no_row_means_no(self):
        decision = may("http.request")

        assert not decision.is_allowed
        assert decision.rule == "permission: ANALYST has none for http.request"

    def test_a_row_for_another_worker_allows_nothing(self):
        row("http.request", worker_id="EXECUTOR")

        assert not may("http.request").is_allowed

    def test_a_row_of_exactly_this_name_allows_it_and_names_itself(self):
        row("http.request")

        decision = may("http.request")

        assert decision.is_allowed
        assert not decision.needs_approval
        assert decision.rule == "permission: ANALYST is allowed http.request"

    @pytest.mark.parametrize("tool_name", ["http.request", "http.get.json", "http."])
    def test_a_prefix_allows_what_begins_so(self, tool_name):
        row("http.*")

        assert may(tool_name).is_allowed

    @pytest.mark.parametrize(
        "tool_name", ["http", "https.request", "xhttp.request", "HTTP.request", "http_x"]
    )
    def test_a_prefix_allows_nothing_else(self, tool_name):
        row("http.*")

        assert not may(tool_name).is_allowed

    @pytest.mark.parametrize("tool_name", ["files.read%", "files_read", "filesXread"])
    def test_signs_that_sql_would_understand_are_letters_like_any_other(self, tool_name):
        row("files.read")
        row("files_%.*")

        assert not may(tool_name).is_allowed

    @pytest.mark.parametrize(
        ("denied", "allowed"),
        [("http.request", "http.*"), ("http.*", "http.request"), ("http.*", "http.*")],
    )
    def test_deny_wins_whatever_allows(self, denied, allowed):
        row(allowed)
        row(denied, effect="deny")

        decision = may("http.request")

        assert not decision.is_allowed
        assert decision.rule == f"permission: ANALYST is denied {denied}"

    def test_the_exact_row_decides_before_the_longer_prefix_before_the_shorter(self):
        row("a.*", max_calls_per_day=0)
        row("a.b.*", requires_approval=True)
        row("a.b.c")

        assert may("a.b.c").rule.endswith("allowed a.b.c")
        assert may("a.b.d").needs_approval
        assert not may("a.x").is_allowed

    def test_to_look_is_not_to_call(self):
        row("http.request", max_calls_per_day=1)

        assert permissions.look("ANALYST", "http.request").is_allowed
        assert permissions.look("ANALYST", "http.request").is_allowed
        assert not PermissionUse.objects.exists()


class TestTime:
    def test_a_row_counts_from_its_beginning_until_just_before_its_end(self):
        row("http.request", valid_from=NOON, valid_until=NOON + timedelta(hours=1))

        assert not may("http.request", at=NOON - timedelta(microseconds=1)).is_allowed
        assert may("http.request", at=NOON).is_allowed
        assert not may("http.request", at=NOON + timedelta(hours=1)).is_allowed

    def test_a_permission_that_ended_or_has_not_begun_says_so(self):
        row("http.*", valid_from=NOON, valid_until=NOON + timedelta(hours=1))

        late = may("http.request", at=NOON + timedelta(hours=3))
        early = may("http.request", at=NOON - timedelta(minutes=5))

        assert late.rule == "permission: that of ANALYST for http.* ended 2 h ago"
        assert early.rule == "permission: that of ANALYST for http.* begins in 5 min"

    def test_a_denial_that_ended_denies_nothing(self):
        row("http.request")
        row("http.*", effect="deny", valid_until=NOON)

        assert may("http.request", at=NOON).is_allowed


class TestQuotas:
    def test_a_day_allows_as_many_as_it_says_and_the_next_day_again(self):
        row("http.request", max_calls_per_day=2)

        assert may("http.request", at=NOON).is_allowed
        assert may("http.request", at=NOON + timedelta(hours=3)).is_allowed
        refused = may("http.request", at=NOON + timedelta(hours=4))

        assert not refused.is_allowed
        assert refused.rule == "permission: ANALYST http.request allows 2 calls a day"
        assert refused.retry_at == datetime(2026, 3, 5, tzinfo=UTC)
        assert may("http.request", at=refused.retry_at).is_allowed

    def test_a_minute_likewise(self):
        row("http.request", max_calls_per_minute=1)

        assert may("http.request", at=NOON).is_allowed
        refused = may("http.request", at=NOON + timedelta(seconds=29))

        assert refused.rule == "permission: ANALYST http.request allows 1 calls a minute"
        assert refused.retry_at == NOON + timedelta(seconds=30)
        assert may("http.request", at=refused.retry_at).is_allowed

    def test_a_full_minute_takes_nothing_of_the_day(self):
        row("http.request", max_calls_per_day=2, max_calls_per_minute=1)

        assert [may("http.request", at=NOON).is_allowed for _ in range(5)] == [True, *[False] * 4]

        assert may("http.request", at=NOON + timedelta(minutes=1)).is_allowed

    def test_none_at_all_is_a_quota_too(self):
        row("a.x", max_calls_per_day=0)
        row("b.x", max_calls_per_minute=0)

        assert not may("a.x").is_allowed
        assert not may("b.x").is_allowed
        assert not PermissionUse.objects.filter(calls__gt=0).exists()

    def test_a_prefix_counts_all_that_it_allows(self):
        row("http.*", max_calls_per_day=2)

        assert may("http.get", at=NOON).is_allowed
        assert may("http.post", at=NOON).is_allowed
        assert not may("http.put", at=NOON).is_allowed

    def test_workers_have_quotas_of_their_own(self):
        row("http.request", max_calls_per_day=1)
        row("http.request", worker_id="EXECUTOR", max_calls_per_day=1)

        assert may("http.request", at=NOON).is_allowed
        assert may("http.request", worker_id="EXECUTOR", at=NOON).is_allowed

    def test_a_quota_changed_in_sql_binds_at_the_next_call(self):
        row("http.request", max_calls_per_day=1)
        may("http.request", at=NOON)

        ToolPermission.objects.update(max_calls_per_day=2)

        assert may("http.request", at=NOON).is_allowed
        assert not may("http.request", at=NOON).is_allowed

    def test_granting_anew_does_not_begin_the_day_anew(self):
        row("http.request", max_calls_per_day=1)
        may("http.request", at=NOON)
        ToolPermission.objects.all().delete()
        row("http.request", max_calls_per_day=1)

        assert not may("http.request", at=NOON).is_allowed

    def test_a_call_that_was_not_made_is_given_back(self):
        row("http.request", max_calls_per_day=1, max_calls_per_minute=1)
        decision = may("http.request", at=NOON)
        assert decision.quotas == ("day", "minute")

        permissions.give_back(decision)

        assert may("http.request", at=NOON).is_allowed
        assert not may("http.request", at=NOON).is_allowed

    def test_what_was_not_counted_cannot_be_given_back(self):
        row("http.request")
        permissions.give_back(may("http.request", at=NOON))
        permissions.give_back(may("nothing.such", at=NOON))

        assert not PermissionUse.objects.exists()

    def test_counts_of_the_past_are_forgotten(self):
        row("http.request", max_calls_per_day=9, max_calls_per_minute=9)
        may("http.request", at=NOON)

        assert permissions.forget_uses(NOON + timedelta(hours=2)) == 1
        assert permissions.forget_uses(NOON + timedelta(days=8)) == 1


class TestTheRow:
    @pytest.mark.parametrize("tool_name", ["*", "http*", "*.request", "http.*.x", "a b", "", "x\n"])
    def test_is_refused_with_a_name_that_means_nothing(self, tool_name):
        with pytest.raises(IntegrityError, match="tool_permission_name_or_prefix"), transaction.atomic():
            row(tool_name)
        assert ToolPermission.flaw_in_name(tool_name)

    @pytest.mark.parametrize("name", ["http.request", "http.*", "model.openai/gpt-4o:free", "a.b.*", "x"])
    def test_is_taken_with_a_name_that_does(self, name):
        row(name)

        assert not ToolPermission.flaw_in_name(name)

    @pytest.mark.parametrize(
        ("fields", "constraint"),
        [
            ({"effect": "maybe"}, "tool_permission_effect"),
            ({"max_calls_per_day": -1}, "tool_permission_quota_positive"),
            ({"max_calls_per_minute": -1}, "tool_permission_quota_positive"),
            ({"valid_from": NOON, "valid_until": NOON}, "tool_permission_begins_before_it_ends"),
        ],
    )
    def test_is_refused_when_it_could_not_be_meant(self, fields, constraint):
        with pytest.raises(IntegrityError, match=constraint):
            row("http.request", **fields)


class TestTheVerbs:
    def test_granting_allows_from_the_next_call_on(self):
        permissions.grant("ANALYST", "http.request", actor=ANN)

        assert may("http.request").is_allowed
        assert ToolPermission.objects.get().granted_by == "user:ann"

    def test_granting_again_sets_the_terms_that_are_named_now(self):
        permissions.grant("ANALYST", "http.request", actor=ANN, max_calls_per_day=5, requires_approval=True)
        permissions.grant("ANALYST", "http.request", actor=ANN, max_calls_per_minute=3)

        found = ToolPermission.objects.get()
        assert (found.max_calls_per_day, found.max_calls_per_minute) == (None, 3)
        assert not found.requires_approval

    def test_denying_refuses_and_revoking_the_denial_allows_again(self):
        permissions.grant("ANALYST", "http.*", actor=ANN)
        permissions.deny("ANALYST", "http.request", actor=ANN, reason="abuse")

        assert not may("http.request").is_allowed
        assert may("http.get").is_allowed

        permissions.revoke("ANALYST", "http.request", actor=ANN, effect="deny")
        assert may("http.request").is_allowed

    def test_revoking_refuses_from_the_next_call_on(self):
        permissions.grant("ANALYST", "http.request", actor=ANN)

        permissions.revoke("ANALYST", "http.request", actor=ANN)

        assert not may("http.request").is_allowed

    def test_what_is_not_there_cannot_be_revoked(self):
        with pytest.raises(PermissionNotFound, match=r"no permission says allow ANALYST http\.request"):
            permissions.revoke("ANALYST", "http.request", actor=ANN)

    def test_a_grant_for_a_day_ends_after_24_hours(self):
        given = permissions.grant_for_a_day("ANALYST", "http.request", actor=ANN)

        assert given.valid_until
        assert may("http.request").is_allowed
        assert not may("http.request", at=given.valid_until).is_allowed
        assert timedelta(hours=23) < given.valid_until - timezone.now() <= timedelta(hours=24)

    def test_a_grant_for_a_day_keeps_the_terms_that_stand_there(self):
        row("http.request", max_calls_per_day=7, valid_until=NOON)

        permissions.grant_for_a_day("ANALYST", "http.request", actor=ANN)

        assert ToolPermission.objects.get().max_calls_per_day == 7
        assert may("http.request").is_allowed

    def test_a_grant_for_a_day_takes_nothing_from_who_has_more(self):
        in_nine_days = timezone.now() + timedelta(days=9)
        row("a.x")
        row("b.x", valid_until=in_nine_days)

        ends = [
            permissions.grant_for_a_day("ANALYST", name, actor=ANN).valid_until for name in ("a.x", "b.x")
        ]

        assert ends == [None, in_nine_days]

    def test_every_wrong_field_is_named(self):
        with pytest.raises(InvalidInput) as refused:
            permissions.grant("NOBODY", "*", actor=ANN)

        assert [error.field for error in refused.value.errors] == ["worker_id", "tool_name"]

    @pytest.mark.parametrize(
        "terms",
        [
            {"max_calls_per_day": -1},
            {"max_calls_per_day": "x"},
            {"valid_from": NOON, "valid_until": NOON},
            {"per": 1},
        ],
    )
    def test_terms_that_could_not_be_meant_are_refused(self, terms):
        with pytest.raises(InvalidInput):
            permissions.grant("ANALYST", "http.request", actor=ANN, **terms)

    @pytest.mark.parametrize("verb", ["grant", "deny", "revoke", "grant_for_a_day"])
    def test_who_may_not_is_refused(self, verb):
        with pytest.raises(Forbidden, match="grant_toolpermission"):
            getattr(permissions, verb)("ANALYST", "http.request", actor=Actor("user:eve"))
