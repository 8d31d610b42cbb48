"""The status of circuit breakers: from Redis, or from the rows while Redis is unreachable."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from reliability.bounded_redis import RedisUnavailable
from reliability.breakers import client as gate
from reliability.breakers import settings
from reliability.breakers.settings import Snapshot


def of_all(names: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    """By name, these or all: state, cause, counts, times, mode, settings. Times are aware datetimes or none.

    `source` is `redis`, or `last known` when Redis is away or has not met the breaker yet; the counts of
    calls are none then. `next_probe_at` none in an open breaker means: not before an operator acts.
    """
    return {name: _standing(snapshot) for name, snapshot in sorted(settings.load(names).items())}


def _standing(snapshot: Snapshot) -> dict[str, Any]:
    row = snapshot.row
    try:
        found = gate.of_process().shared.look(row.name)
    except RedisUnavailable:
        found = None
    standing = _last_known(snapshot) if found is None else _from_redis(found)
    is_over = snapshot.left(row.mode_until) == 0
    mode = {"mode": "normal", "mode_until": None, "mode_by": "", "mode_reason": ""}
    if not is_over:
        mode = {name: getattr(row, name) for name in mode}
    return standing | mode | {"settings": {name: getattr(row, name) for name in settings.NAMES}}


def _from_redis(found: list[Any]) -> dict[str, Any]:
    state, kind, cause, _, left, _, opened_at, retry_at, consecutive, calls, failures, probes, succeeded = (
        found
    )
    is_open = state == "open"
    return {
        "state": state,
        "kind": kind,
        "cause": cause,
        "failure_count": int(consecutive),
        "calls": int(calls),
        "failures": int(failures),
        "failure_rate": int(failures) / int(calls) if int(calls) else 0.0,
        "opened_at": None if state == "closed" else _moment(opened_at),
        "next_probe_at": _moment(retry_at) if is_open and int(left) >= 0 else None,
        "probes_under_way": int(probes),
        "probes_succeeded": int(succeeded),
        "source": "redis",
    }


def _last_known(snapshot: Snapshot) -> dict[str, Any]:
    row = snapshot.row
    return {
        "state": row.state,
        "kind": row.kind,
        "cause": row.cause,
        "failure_count": None,
        "calls": None,
        "failures": None,
        "failure_rate": None,
        "opened_at": None if row.state == "closed" else row.opened_at,
        "next_probe_at": row.retry_at,
        "probes_under_way": None,
        "probes_succeeded": None,
        "source": "last known",
    }


def _moment(milliseconds: str) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(milliseconds))
