"""The rows of the acceptance table that need an incident, by incident, so that each is brought about once."""

import json
import re
from decimal import Decimal

import pytest

from tests.ids import NOBODYS_ID
from tests.polling import until
from tests.runbook import incidents
from tests.runbook.acceptance import printed, row, snippet, task
from tests.runbook.conftest import Stage
from tests.runbook.rows import ROWS

pytestmark = [pytest.mark.slow, pytest.mark.alone]


# ---------------------------------------------------------------------------- when the provider limits


@row(4, 23)
def test_04_and_23_a_refused_call_is_a_failed_row_that_names_the_breaker(stage: Stage):
    incident = stage.at(incidents.RateLimited)

    [refused], [failed] = printed(stage, 4), printed(stage, 23)

    assert re.search(r"failed .* circuit breaker \S+ refuses calls .* not before", refused)
    assert "rate limit exceeded" in failed
    assert "circuit breaker" in failed
    sent = (
        "SELECT count(*) FROM tool_executions WHERE tool_name = 'model.chat' "
        f" AND rule NOT LIKE 'circuit breaker%' AND created_at > '{incident.began_at}'"
    )
    assert int(stage.site.sql(sent)) == len(stage.site.provider.received())


@row(5)
def test_05_costs_are_what_the_budgets_count_and_the_dashboard_shows(calm: Stage):
    calm.site.ask_model("costs something")
    calm.site.await_tasks(1, "title = 'costs something' AND status = 'completed'")

    [said] = printed(calm, 5)

    spent = Decimal(said.splitlines()[2].strip())
    assert spent > 0
    window = (
        "SELECT spent FROM budget_windows WHERE scope = 'FLEET' AND kind = 'day' ORDER BY id DESC LIMIT 1"
    )
    assert Decimal(calm.site.sql(window)) == spent
    told = json.loads(calm.terminal.type("python manage.py costs --hours 24 --json"))
    assert Decimal(_first(told, "cost_usd")) == spent


def _first(document: object, name: str) -> str:
    """The first value of this name, at whatever depth."""
    if isinstance(document, dict):
        if name in document:
            return str(document[name])
        document = list(document.values())
    if isinstance(document, list):
        return next((found for one in document if (found := _first(one, name))), "")
    return ""


@row(6)
def test_06_halved_budgets_bind_and_stand_in_the_audit_log(stage: Stage):
    stage.at(incidents.RateLimited)
    stage.site.sql("UPDATE worker_budgets SET daily_limit = 10 WHERE worker_id IN ('EXECUTOR', 'ANALYST')")

    [said] = printed(stage, 6)

    assert said == "UPDATE 2\n"
    told = json.loads(stage.terminal.type("python manage.py set_budget ANALYST --json"))
    assert Decimal(_first(told, "daily_limit") or _first(told, "limit_usd")) == 5
    audited = "SELECT count(*) FROM audit_log WHERE actor LIKE 'sql:%' AND target LIKE '%ANALYST%'"
    assert int(stage.site.sql(audited)) > 0


@row(8)
def test_08_tasks_without_a_sign_of_life_are_listed(stage: Stage):
    incident = stage.at(incidents.RateLimited)
    silent = incident.ids("")["task-id"]

    [said] = printed(stage, 8)

    assert silent in said
    assert "(1 row)" in said


@row(9)
def test_09_a_stuck_task_is_moved_and_an_unknown_one_is_one_clear_line(stage: Stage):
    incident = stage.at(incidents.RateLimited)
    [line] = ROWS[9]

    unknown, nobody = stage.terminal.run(line), stage.terminal.run(line.replace("task-id", NOBODYS_ID))
    moved = stage.terminal.run(line.replace("task-id", incident.ids("")["task-id"]))

    assert (unknown.status, unknown.out, unknown.err) == (1, "", "no task has the id task-id\n")
    assert (nobody.status, nobody.err) == (1, f"no task has the id {NOBODYS_ID}\n")
    assert (moved.status, moved.said) == (0, "")
    assert task(stage, incident.ids("")["task-id"]) == "failed"


@row(7)
def test_07_all_breakers_are_reset_by_a_plain_function(stage: Stage):
    stage.at(incidents.RateLimited).recover()

    ended = stage.terminal.console(ROWS[7][0])

    assert (snippet(stage, ROWS[7][0]).status, ended.out.strip().isdigit()) == (0, True)
    assert stage.site.sql("SELECT count(*) FROM circuit_breakers WHERE state <> 'closed'") == "0"


# -------------------------------------------------------------------------------- when letters pile up


@row(10)
def test_10_letters_are_listed_and_grouped_by_stable_text(stage: Stage):
    stage.at(incidents.LettersPileUp)

    listed, grouped = printed(stage, 10)

    assert "(10 rows)" in listed
    assert re.search(r"connection reset by peer +\| +\d\d", grouped)


@row(12)
def test_12_a_letter_is_resolved_with_note_who_and_when(stage: Stage):
    incident = stage.at(incidents.LettersPileUp)
    [code] = ROWS[12]
    letter = incident.ids(code)["dlq-id"]

    unknown, ended = snippet(stage, code), snippet(stage, code.replace("dlq-id", letter))

    assert (unknown.status, unknown.err) == (1, "no dead letter has the id dlq-id\n")
    assert (ended.status, ended.said) == (0, "")
    kept = (
        "SELECT status, resolution, resolved_by <> '', resolved_at IS NOT NULL FROM dead_letter_queue"
        f" WHERE id = '{letter}'"
    )
    assert stage.site.sql(kept) == "resolved|Fixed by updating API credentials|True|True"


@row(11)
def test_11_letters_are_retried_one_and_all_that_match(stage: Stage):
    incident = stage.at(incidents.LettersPileUp)
    incident.recover()
    [code] = ROWS[11]

    ended = snippet(stage, code.replace("dlq-id", incident.ids(code)["dlq-id"]))

    assert (ended.status, ended.said) == (0, "")
    stage.site.await_tasks(incidents.LETTERS, "task_type = 'needs_network' AND status = 'completed'")
    left = "SELECT count(*) FROM dead_letter_queue WHERE task_type = 'needs_network' AND status = 'pending'"
    assert stage.site.sql(left) == "0"


# ------------------------------------------------------------------------------ when memory and time go


@row(14)
def test_14_long_running_tasks_are_listed_by_the_start_of_their_attempt(stage: Stage):
    stage.at(incidents.MemoryLeaks)

    [said] = printed(stage, 14)

    minutes = {line.split("|")[1].strip(): float(line.split("|")[2]) for line in said.splitlines()[2:-2]}
    assert minutes["silent"] > 39
    assert minutes["endless"] < 10


@row(15)
def test_15_a_terminated_task_is_final_and_its_worker_stops(stage: Stage):
    incident = stage.at(incidents.MemoryLeaks)
    endless = incident.ids("")["task-id"]

    said = stage.terminal.type(ROWS[15][0].replace("task-id", endless))

    assert said == "UPDATE 1\n"
    busy = "SELECT coalesce(sum(in_flight), 0) FROM worker_processes"
    until(
        lambda: stage.site.sql(busy) == "1", timeout=60, what="a worker that has let go of it"
    )  # of the hoard
    ended = (
        f"SELECT status, error_message, completed_at IS NOT NULL FROM governance_tasks WHERE id = '{endless}'"
    )
    assert stage.site.sql(ended) == "failed|Terminated due to excessive runtime|True"


# --------------------------------------------------------------------------------- when breakers are open


@row(22)
def test_22_the_status_is_a_dict_by_name(stage: Stage):
    stage.at(incidents.BreakersOpen)

    said = stage.terminal.console(ROWS[22][0]).out

    assert "'openrouter': {'state': 'open'" in said
    for name in ("failure_count", "failure_rate", "opened_at", "next_probe_at", "settings"):
        assert f"'{name}'" in said
    assert snippet(stage, ROWS[22][0]).status == 0


@row(25)
def test_25_settings_bind_and_are_audited_and_impossible_ones_refused(stage: Stage):
    stage.at(incidents.BreakersOpen)
    [code] = ROWS[25]

    refused, ended = snippet(stage, code.replace("=10", "=0")), snippet(stage, code)

    assert refused.status == 1
    assert refused.err.startswith("failure_threshold: ")
    assert (ended.status, ended.said) == (0, "")
    stands = "SELECT failure_threshold, reset_timeout FROM circuit_breakers WHERE name = 'openrouter'"
    assert stage.site.sql(stands) == "10|60.0"


@row(24)
def test_24_one_breaker_is_reset_and_an_unknown_name_lists_the_known(stage: Stage):
    stage.at(incidents.BreakersOpen).recover()
    [code] = ROWS[24]

    unknown, ended = snippet(stage, code.replace("openrouter", "opnrouter")), snippet(stage, code)

    assert unknown.status == 1
    assert re.match(r"no circuit breaker has the name 'opnrouter'; known: .*openrouter", unknown.err)
    assert (ended.status, ended.said) == (0, "")
    state = "SELECT state FROM circuit_breakers WHERE name = 'openrouter'"
    until(lambda: stage.site.sql(state) == "closed", what="a closed breaker")
