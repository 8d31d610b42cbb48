"""The watchdog: its heartbeat in PostgreSQL and in Redis, who leads, and what the last sweeps did."""

import psycopg2
from redis import RedisError

from governance.units import words
from monitoring.diagnosis import remedies
from monitoring.diagnosis.findings import Finding, critical, notice, ok, warning
from monitoring.diagnosis.sections import PROBE_SECONDS, section, without_database
from monitoring.health.probe import DidNotAnswerError, Probe, Row, redis_client
from monitoring.health.report import WATCHDOG_SILENT_SECONDS, stopped_duties
from reliability.watchdog import heartbeat

START = remedies.at_machine("Start one; as many as you like may run.", "python watchdog_main.py")

_REGISTRY = """
SELECT last_heartbeat AS at, now() - last_heartbeat AS silent,
  now() - last_heartbeat > %(limit)s * interval '1 second' AS is_silent
FROM worker_registry WHERE worker_id = 'WATCHDOG'"""

_LEADER = """
SELECT owner, now() - since AS led, expires_at > now() AS leads FROM leadership WHERE name = 'watchdog'"""

_SWEEPS = """
SELECT started_at, leader, duration_ms, counts, error
FROM watchdog_sweeps ORDER BY started_at DESC LIMIT 5"""


@section("watchdog")
def look() -> list[Finding]:
    """Both heartbeats, the leader, duties without permission, the last sweeps and what failed in them."""
    at_redis = _at_redis()
    try:
        with Probe(seconds=PROBE_SECONDS) as probe:
            registry = probe.rows(_REGISTRY, {"limit": WATCHDOG_SILENT_SECONDS})
            leader, sweeps = probe.rows(_LEADER), probe.rows(_SWEEPS)
            stopped = stopped_duties(probe)
    except (psycopg2.Error, DidNotAnswerError) as error:
        return [without_database(error), at_redis]
    return [_registry(registry), at_redis, _leader(leader), *_stopped(stopped), *_sweeps(sweeps)]


def _registry(found: list[Row]) -> Finding:
    beat: Row = found[0] if found else {"at": None}
    explanation = "Crashed tasks are not rescued, and deadlines are not kept, until it runs again."
    if beat["at"] is None:
        return critical("no watchdog has ever run", explanation=explanation, remedies=[START])
    if beat["is_silent"]:
        said = f"silent for {words(beat['silent'])} (worker_registry)"
        return critical(said, explanation=explanation, remedies=[START])
    return ok(f"heartbeat {words(beat['silent'])} ago (worker_registry)")


def _at_redis() -> Finding:
    client = redis_client(seconds=0.5)
    try:
        beat = str(client.get(heartbeat.KEY) or "")
    except RedisError as error:
        return notice(
            f"its heartbeat in Redis cannot be read: {' '.join(str(error).split())}",
            explanation="The one in worker_registry counts.",
        )
    finally:
        client.close()
    if not beat:
        return warning(f"no heartbeat in Redis ({heartbeat.KEY})", remedies=[START])
    return ok(f"heartbeat in Redis: {beat}", evidence=[f"key {heartbeat.KEY}"])


def _leader(found: list[Row]) -> Finding:
    if not found or not found[0]["leads"]:
        return warning("no watchdog leads at the moment", remedies=[START])
    return ok(f"{found[0]['owner']} leads, for {words(found[0]['led'])}")


def _stopped(duties: list[str]) -> list[Finding]:
    return [
        warning(
            f"{duty} is stopped: WATCHDOG is not permitted",
            explanation="It goes on at the first sweep after it is granted again.",
            remedies=[remedies.grant("WATCHDOG", duty)],
        )
        for duty in duties
    ]


def _sweeps(sweeps: list[Row]) -> list[Finding]:
    if not sweeps:
        return [notice("no sweep is recorded")]
    told = [f"{s['started_at']:%H:%M:%S} UTC, {s['duration_ms']} ms: {_did(s['counts'])}" for s in sweeps]
    failed = [sweep["error"] for sweep in sweeps if sweep["error"]]
    if failed:
        return [
            warning(
                "duties failed in the last sweeps",
                evidence=[" ".join(error.split()) for error in dict.fromkeys(failed)] + told,
                explanation="The other duties went on; this one is tried again in every sweep.",
                remedies=[
                    remedies.at_machine("See where it failed.", 'grep "watchdog duty" logs/juggernaut.log')
                ],
            )
        ]
    return [ok("the last sweeps", evidence=told)]


def _did(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing to do"
