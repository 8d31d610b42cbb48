"""The supervisor's machine, with small programs as parts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from juggernaut.processes import children
from juggernaut.supervisor.backoff import Backoff
from juggernaut.supervisor.machine import Machine
from juggernaut.supervisor.parts import Program
from juggernaut.supervisor.signals import Signals, StopRequested
from tests.polling import until

pytestmark = pytest.mark.slow

STOPS_AT_ONCE = "import signal; print('up', flush=True); signal.pause()"
NEVER_STOPS = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
HAS_A_CHILD = "import subprocess, sys; subprocess.run(['sleep', '600'])"
ENDS = "raise SystemExit(3)"


def ignores_sigterm(part):
    """Whether the part has come so far: the kernel keeps a mask of ignored signals."""
    status = Path(f"/proc/{part.pid}/status").read_text()
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    return ignored & (1 << (signal.SIGTERM - 1))


def program(code, *, name="part", stop_seconds=30.0):
    return Program(
        name, argv=[sys.executable, "-c", code], environment=dict(os.environ), stop_seconds=stop_seconds
    )


@pytest.fixture
def signals():
    seen = Signals()
    with seen.received():
        yield seen


@pytest.fixture
def machine_of(signals):
    machines = []

    def make(*parts):
        machines.append(Machine(parts, signals=signals))
        machines[-1].start()
        return machines[-1]

    yield make
    signals.stops = 2  # at once
    for machine in machines:
        machine.stop()


def test_a_part_that_dies_is_started_again(machine_of):
    part = program(STOPS_AT_ONCE)
    machine = machine_of(part)
    first = part.pid

    os.kill(first, signal.SIGKILL)

    def look():
        machine.look(at_most_seconds=0.05)
        return part.pid not in (None, first)

    until(look)


def test_a_part_that_cannot_stay_up_is_tried_again_after_a_growing_wait(machine_of, caplog):
    part = program(ENDS)
    machine = machine_of(part)

    def look():
        machine.look(at_most_seconds=0.05)
        return "starts again in 2 s" in caplog.text

    until(look)
    assert "starts again in 1 s" in caplog.text


def test_the_others_go_on_while_one_is_down(machine_of):
    steady, failing = program(STOPS_AT_ONCE, name="steady"), program(ENDS, name="failing")
    machine = machine_of(steady, failing)
    pid = steady.pid

    def look():
        machine.look(at_most_seconds=0.05)
        return failing.pid is None

    until(look)

    assert steady.pid == pid


def test_parts_stop_one_after_another_in_order(machine_of, signals):
    class Watched(Program):
        def ask_to_stop(self):
            asked.append((self.name, [part.name for part in parts if part.pid is not None]))
            super().ask_to_stop()

    asked: list[tuple[str, list[str]]] = []
    parts = [
        Watched(
            name, argv=[sys.executable, "-c", STOPS_AT_ONCE], environment=dict(os.environ), stop_seconds=30
        )
        for name in ("first", "second")
    ]
    machine = machine_of(*parts)

    machine.stop()

    assert asked == [("first", ["first", "second"]), ("second", ["second"])]
    assert parts[1].pid is None


def test_a_part_that_overstays_is_killed_and_that_is_logged(machine_of, caplog):
    part = program(NEVER_STOPS, stop_seconds=0.2)
    machine = machine_of(part)
    until(lambda: ignores_sigterm(part))

    machine.stop()

    assert part.pid is None
    assert "part did not stop in time: killed" in caplog.text


def test_a_second_signal_kills_what_is_left(machine_of, signals, caplog):
    part = program(NEVER_STOPS, stop_seconds=600)
    machine = machine_of(part)
    until(lambda: ignores_sigterm(part))

    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
    machine.stop()

    assert part.pid is None
    assert "told to stop at once" in caplog.text


def test_what_a_part_started_ends_with_it(machine_of):
    part = program(HAS_A_CHILD)
    machine = machine_of(part)
    child = until(lambda: next(iter(psutil.Process(part.pid).children()), None))

    machine.stop()

    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_stop_signal_interrupts_a_step_that_cannot_look(signals):
    with pytest.raises(StopRequested), signals.interrupting():
        os.kill(os.getpid(), signal.SIGTERM)

    assert signals.is_stop_requested


def test_no_step_begins_after_a_stop_signal(signals):
    os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StopRequested), signals.interrupting():
        pytest.fail("the step began")


def test_a_wait_ends_with_a_signal(signals):
    os.kill(os.getpid(), signal.SIGINT)

    signals.wait(600)

    assert signals.is_stop_requested
    assert not signals.is_stop_urgent


def test_the_wait_before_a_restart_doubles_up_to_half_a_minute():
    backoff = Backoff()

    assert [backoff.delay(now=0.0) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_stable_minute_resets_the_wait():
    backoff = Backoff()
    backoff.delay(now=0.0)
    backoff.delay(now=1.0)
    backoff.started(now=2.0)

    assert backoff.delay(now=62.0) == 1


def test_a_child_dies_with_the_process_that_started_it():
    code = (
        "import signal; from juggernaut.processes import children as processes;"
        "print(processes.start(['sleep', '600']).pid, flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))

        parent.kill()

    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_child_has_a_session_of_its_own():
    child = children.start(["sleep", "600"])

    assert os.getsid(child.pid) == child.pid
    children.kill(child)
