"""`python main.py`: its options, and the run from the first check to the last process's end."""

import argparse
import contextlib
import logging.config
import os
import sys
from collections.abc import Mapping, Sequence

from juggernaut import configuration, embedded, logs
from juggernaut.database import connection_settings, endpoints
from juggernaut.embedded import EmbeddedServerError, EmbeddedServers
from juggernaut.environment import ROOT, require_settings
from juggernaut.processes import children
from juggernaut.supervisor import banner, parts, pooling
from juggernaut.supervisor.machine import Machine
from juggernaut.supervisor.readiness import Readiness
from juggernaut.supervisor.signals import Signals, StopRequested
from juggernaut.web import bind_address
from juggernaut.web.bind_address import WebAddress, WebAddressError
from monitoring import memory

EPILOG = """\
environment:
  DATABASE_URL, REDIS_URL    servers of yours; unset, embedded ones run under var/
  DATABASE_URL_DIRECT        the same database without the connection pooler, if DATABASE_URL leads to one
  JUGGERNAUT_PORT            as --port
  JUGGERNAUT_PROFILE         local (default: loopback only, no token needed there) or production
  JUGGERNAUT_BIND            address to listen on, production only (default 127.0.0.1)
  JUGGERNAUT_WEB_PROCESSES, JUGGERNAUT_WORKER_PROCESSES    2 each
  JUGGERNAUT_GRACE_SECONDS   how long running tasks may take to end at a stop (30)
  JUGGERNAUT_ADMIN_PASSWORD  the first operator's password (default: made up, and printed once)
  JUGGERNAUT_VAR             the folder of the embedded servers (var/)

Ctrl-C or SIGTERM stops everything in order; a second one stops it at once.
"""


class PreparationError(Exception):
    """The database could not be prepared; the reason was printed already."""


def run(arguments: Sequence[str]) -> int:
    """Run the machine until it is told to stop; the exit status of `main.py`."""
    options = _parser().parse_args(arguments)
    if options.port:
        os.environ["JUGGERNAUT_PORT"] = options.port
    require_settings()
    logging.config.dictConfig(logs.configuration(logs.log_file(ROOT)))
    signals = Signals()
    with signals.received():
        try:
            _run(options.only or parts.PROGRAMS, signals=signals)
        except StopRequested:
            return 0
        except (EmbeddedServerError, WebAddressError, PreparationError) as error:
            sys.stderr.write(f"main.py: {error}\n")
            return 1
    return 0


def _run(names: Sequence[str], *, signals: Signals) -> None:
    address = bind_address.from_environment() if "web" in names else None
    if address:
        bind_address.require_free(address)
    with contextlib.ExitStack() as stack:
        with signals.interrupting():
            servers = stack.enter_context(embedded.running(endpoints.var_dir(), named=endpoints.configured()))
            _prepare_database(servers.environment)
            pooled = pooling.examine(
                {**connection_settings.configured(configuration.current()), **servers.environment}
            )
        memory.note_start(endpoints.var_dir())
        programs = parts.programs(names, environment=servers.environment)
        machine = Machine([*programs, *_embedded_parts(servers)], signals=signals)
        workers = next((program for program in programs if program.name == "workers"), None)
        readiness = Readiness(address=address, workers=workers, environment=servers.environment)
        try:
            machine.start()
            text = banner.text(address=address, servers=servers, pooled=pooled)
            _watch(machine, readiness=readiness, address=address, announcement=text, signals=signals)
        finally:
            machine.stop()


def _prepare_database(environment: Mapping[str, str]) -> None:
    child = children.start(
        [parts.interpreter(), "manage.py", "set_up"],
        environment=configuration.child_environment(environment),
        directory=ROOT,
    )
    try:
        if child.wait() != 0:
            raise PreparationError("the database could not be prepared; the reason stands above")
    finally:
        children.kill(child)


def _embedded_parts(servers: EmbeddedServers) -> list[parts.Part]:
    """The embedded servers in the order in which they stop, after the programs."""
    return [server for server in (servers.redis, servers.postgres) if server is not None]


def _watch(
    machine: Machine,
    *,
    readiness: Readiness,
    address: WebAddress | None,
    announcement: str,
    signals: Signals,
) -> None:
    """Keep the machine up until a stop; announce it when it is ready, and say it when it does not get so."""
    is_announced = False
    while not signals.is_stop_requested:
        if not is_announced:
            missing = readiness.missing()
            is_announced = not missing
            if is_announced:
                _say(announcement)
            elif readiness.is_complaint_due():
                _say(banner.not_ready(missing))
        machine.look(at_most_seconds=1.0 if is_announced else 0.25)
    _say("Stopping; running tasks may end first. Another Ctrl-C stops at once.\n")


def _say(text: str) -> None:
    # The terminal may be gone; that must not keep anything from running or from stopping in order.
    with contextlib.suppress(OSError):
        sys.stdout.write(text)
        sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python main.py",
        description="Runs Juggernaut on this machine: database and Redis if you name none, "
        "the web server, the workers and the watchdog. Restarts what dies.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", metavar="N", help="port of the console and the API (default 8000)")
    parser.add_argument(
        "--only",
        action="append",
        choices=parts.PROGRAMS,
        help="run this part alone; may be given twice (default: all of them)",
    )
    return parser
