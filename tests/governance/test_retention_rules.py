"""Rules of retention: who changes them, to what, and what is told."""

import pytest

from governance import retention
from governance.errors import Forbidden, InvalidInput, RetentionRuleNotFound
from governance.models import AuditEntry, RetentionRule
from tests.governance import letters
from tests.governance.aging import ANN, LATER, NOBODY, ended, left, prune

pytestmark = pytest.mark.django_db


class TestRules:
    def test_a_rule_is_changed_with_a_reason_and_told(self):
        retention.keep("completed tasks", days=30, actor=ANN, reason="disk")

        entry = AuditEntry.objects.get()
        assert (entry.action, entry.target, entry.reason) == (
            "retention.keep", "retention completed tasks", "disk",
        )  # fmt: skip
        assert ((entry.before or {})["keep_days"], (entry.after or {})["keep_days"]) == (90, 30)

    def test_one_typed_into_psql_is_told_and_checked(self):
        letters.sql("UPDATE retention_rules SET keep_days = 7 WHERE name = 'completed tasks'")

        assert AuditEntry.objects.get().actor.startswith("sql:")
        with pytest.raises(Exception, match="retention_not_too_short"):
            letters.sql("UPDATE retention_rules SET keep_days = 1 WHERE name = 'ended holds'")

    @pytest.mark.parametrize(("days", "reason", "words"), [(34, "disk", "35 to 36500"), (50, " ", "say why")])
    def test_what_cannot_be_is_refused_by_name(self, days, reason, words):
        with pytest.raises(InvalidInput, match=words):
            retention.keep("ended holds", days=days, actor=ANN, reason=reason)

    def test_an_unknown_rule_and_a_stranger_are_refused(self):
        with pytest.raises(RetentionRuleNotFound, match="ended holds"):
            retention.keep("everything", days=1, actor=ANN, reason="disk")
        with pytest.raises(Forbidden):
            retention.keep("completed tasks", days=1, actor=NOBODY, reason="disk")

    def test_a_rule_that_somebody_deleted_lets_nothing_go(self):
        old = ended()
        RetentionRule.objects.all().delete()

        assert prune(LATER) == {}
        assert left(old) == {old}
