"""Every command of the runbook, run as printed: when all is well, and in the incident of its section.

Diagnostic steps run twice; solutions run in their order, in the incident, and mend it. What a command
answers must be what the runbook says.
"""

import re
from dataclasses import dataclass

import pytest

from tests.polling import until
from tests.runbook import document, incidents
from tests.runbook.conftest import Stage
from tests.runbook.document import Command
from tests.runbook.incidents import Incident
from tests.runbook.shell import Ended, Running
from tests.runbook.site import START

pytestmark = [pytest.mark.slow, pytest.mark.alone]

INCIDENTS: dict[str, type[Incident]] = {
    "Database Connection Issues": incidents.DatabaseGone,
    "API Rate Limiting Issues": incidents.RateLimited,
    "Dead Letter Queue Issues": incidents.LettersPileUp,
    "Memory Leaks and Performance Issues": incidents.MemoryLeaks,
    "WATCHDOG Failures": incidents.WatchdogDead,
    "Circuit Breaker Issues": incidents.BreakersOpen,
    "Redis Failures": incidents.RedisGone,
    "Budgets, Pauses and Permissions": incidents.LawSaysNo,
}
# Words that begin a command; a mention of one in the text must be a command that is run.
PROGRAMS = ("psql", "redis-cli", "curl", "python", "kill", "ps", "tail", "echo", "export")

WELL, TROUBLE, SOLUTION = "well", "trouble", "solution"


@dataclass(frozen=True)
class Case:
    """One command at one moment."""

    command: Command
    phase: str

    def __str__(self) -> str:
        words = next(line for line in self.command.text.splitlines() if not line.startswith("#"))
        return f"{self.command.section}, line {self.command.line}, {self.phase}: {words[:50]}"

    def __hash__(self) -> int:
        return hash(str(self))


def cases() -> list[Case]:
    """As an operator comes to them: section by section, what is well before what is not."""
    commands, found = document.commands(), []
    for section in dict.fromkeys(command.section for command in commands):
        here = [command for command in commands if command.section == section]
        asked = [command for command in here if command.part != "Solution"]
        found += [Case(command, WELL) for command in asked]
        if section in INCIDENTS:
            found += [Case(command, TROUBLE) for command in asked]
            found += [Case(command, SOLUTION) for command in here if command.part == "Solution"]
    return found


CASES = cases()
ran: set[Case] = set()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_command_answers_what_the_runbook_says(stage: Stage, case: Case):
    lines = _prepare(stage, case)

    ended = _carry_out(stage, case, lines)

    assert "Traceback" not in ended.said, ended.said
    assert case.phase == TROUBLE or ended.status == 0, ended.said
    assert _fits(ended, case), ended.said
    ran.add(case)


def _prepare(stage: Stage, case: Case) -> str:
    """Bring about what the section describes; the command with the ids that its placeholders stand for."""
    command = case.command
    if case.phase == WELL:
        stage.calm()
        incident = Incident(stage.site)
    else:
        incident = stage.at(INCIDENTS[command.section])
        if "recovered" in command.flags:
            incident.recover()
    lines = command.text
    for placeholder, value in incident.ids(lines).items():
        lines = lines.replace(placeholder, value)
    return lines


def _carry_out(stage: Stage, case: Case, lines: str) -> Ended:
    if "stays" in case.command.flags:
        return STAYING[case.command.text.splitlines()[-1].split(" | ")[0]](stage, lines)
    if case.command.language == "python":
        return stage.terminal.console(lines)
    ended = stage.terminal.run(lines)
    if "kill -TERM" in lines:
        assert stage.site.machine.exit_status() == 0
    return ended


def _fits(ended: Ended, case: Case) -> bool:
    answers = case.command.answers
    answer = answers.get("trouble", answers.get("")) if case.phase == TROUBLE else answers.get("")
    if answer is None:
        return True
    return document.fits(ended.said, answer) if answer.strip() else not ended.said.strip()


# --------------------------------------------------------------------------- what goes on until it is ended


def _main(stage: Stage, lines: str) -> Ended:
    """The machine that the step before has stopped runs again."""
    machine = stage.site.machine
    if machine.processes():  # this step alone was chosen
        stage.terminal.run('kill -TERM $(pgrep -f "python main.py")')
        assert machine.exit_status() == 0
    assert lines == START
    machine.start()
    machine.await_running()
    return Ended(0, machine.output, "")


def _watchdog(stage: Stage, lines: str) -> Ended:
    """A watchdog that nobody supervises leads, and is heard of."""
    running = _start(stage, lines)
    until(
        lambda: stage.terminal.type("redis-cli -u $REDIS_URL GET watchdog:heartbeat:WATCHDOG").strip(),
        timeout=60,
        what="a heartbeat",
    )
    stage.site.await_health("ok", of="watchdog")
    return Ended(0 if running.is_running else 1, running.said, "")


def _tail(stage: Stage, lines: str) -> Ended:
    """An error that happens now is seen."""
    running = _start(stage, lines)
    task = stage.site.sql(
        "INSERT INTO governance_tasks (task_type, payload) "
        "VALUES ('misbehave', '{\"how\": \"permanent\"}') RETURNING id"
    )
    until(lambda: f"task={task}" in running.said, timeout=60, what="the error")
    stage.site.sql("UPDATE dead_letter_queue SET status = 'resolved' WHERE status <> 'resolved'")
    return Ended(0, running.said, "")


def _start(stage: Stage, lines: str) -> Running:
    running = stage.terminal.start(lines)
    stage.note(running)
    return running


STAYING = {START: _main, "python watchdog_main.py": _watchdog, "tail -f logs/juggernaut.log": _tail}

# -------------------------------------------------------------------------------------- nothing is left out


def test_every_block_of_the_document_is_a_case():
    text = document.PATH.read_text()
    blocks = [
        block.strip()
        for block in re.findall(r"^```(?:bash|python)[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    ]

    assert {case.command.text.strip() for case in CASES} == set(blocks)
    assert text.count("\n```") % 2 == 0
    assert not re.search(r"^\s*```(?!bash|python|text|$)", text, re.MULTILINE)


def test_a_command_in_the_text_is_one_that_is_run():
    text = re.sub(r"^```.*?^```", "", document.PATH.read_text(), flags=re.MULTILINE | re.DOTALL)

    mentioned = [
        span for span in re.findall(r"`([^`]+)`", text) if span.split()[0] in PROGRAMS and " " in span
    ]

    run = "\n".join(case.command.text for case in CASES)
    assert mentioned
    assert [span for span in mentioned if span not in run] == []


def test_the_sections_of_the_runbook_are_there_and_each_has_its_incident():
    sections = [case.command.section for case in CASES]

    assert set(INCIDENTS) <= set(sections)
    for section in INCIDENTS:
        parts = {case.phase for case in CASES if case.command.section == section}
        assert parts == {WELL, TROUBLE, SOLUTION}, section
    assert set(sections) - set(INCIDENTS) == {"Where to begin", "Verification"}


def test_every_command_was_run(request):
    """Stands last in this file; if only some were chosen, it can speak of those alone."""
    chosen = {
        item.callspec.params["case"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and "case" in getattr(getattr(item, "callspec", None), "params", {})
    }

    assert chosen <= ran
    assert chosen == set(CASES) or len(request.session.items) < len(CASES)
