"""The answer of `/metrics`: what the database, Redis and the web processes say, within three seconds."""

import logging
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import psycopg2
import redis
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from governance.db import errors as db_errors
from governance.version import VERSION
from monitoring.health.probe import DidNotAnswerError, Probe, Row, redis_client
from monitoring.health.single_flight import SingleFlight
from monitoring.metrics import request_times
from monitoring.metrics.families import QUESTIONS, Family, Question
from reliability.watchdog import sweep

PROBE_SECONDS = 2.6
ANSWER_SECONDS = 3.0
REDIS_SECONDS = 0.3

logger = logging.getLogger(__name__)

COMPLETE = "juggernaut_metrics_complete"
Answers = list[tuple[Question, list[Row]]]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found. Without answers the database is away; with some it is slow."""

    answers: Answers | None
    has_redis: bool


def look() -> Found:
    """The state of things, at most half a second old."""
    deadline = time.monotonic() + ANSWER_SECONDS
    asked, pinged = _database.ask(), _redis.ask()
    return Found(_by(deadline, asked, None), bool(_by(deadline, pinged, False)))


def write(found: Found, *, accept: str) -> tuple[bytes, str]:
    """The text in the format that was asked for, and its content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_State(found))
    request_times.register(registry)
    return _encoded(registry, accept)


def write_outage(found: Found, *, accept: str) -> tuple[bytes, str]:
    """All that may be told to whoever cannot be recognised while the database is away: as `/health` does."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Up(found))
    return _encoded(registry, accept)


def _encoded(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Up(Collector):
    def __init__(self, found: Found) -> None:
        self.found = found

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("juggernaut_up", "1 while a dependency answers.", labels=["dependency"])
        up.add_metric(["database"], float(self.found.answers is not None))
        up.add_metric(["redis"], float(self.found.has_redis))
        yield up


class _State(_Up):
    def collect(self) -> Iterator[Metric]:
        yield from super().collect()
        yield InfoMetricFamily("juggernaut_build", "What runs here.", value={"version": VERSION})
        answers = self.found.answers or []
        is_complete = float(len(answers) == len(QUESTIONS))
        yield GaugeMetricFamily(COMPLETE, "1 if the database answered every question in time.", is_complete)
        for question, rows in answers:
            for family in question.families:
                yield _filled(family, rows)


def _filled(family: Family, rows: Iterable[Row]) -> Metric:
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    filled: Any = kind(family.name, family.help, labels=family.labels)
    for row in rows:
        value = row[family.value]
        if value is not None:
            filled.add_metric([str(row[label]) for label in family.labels], float(value))
    metric: Metric = filled
    return metric


def _ask_database() -> Answers | None:
    """As many as it answers in time; None if it answers nothing."""
    answers: Answers = []
    try:
        with Probe(seconds=PROBE_SECONDS) as probe:
            for question in QUESTIONS:
                answers.append((question, probe.rows(question.sql, _parameters(question))))
    except (psycopg2.Error, DidNotAnswerError) as error:
        logger.warning("metrics are not complete: %s", db_errors.describe(error))
    return answers or None


def _parameters(question: Question) -> dict[str, Any] | None:
    """Duties are registered while the apps start; their names are read when they are asked for."""
    if "duties" in question.parameters:
        return {"duties": [sweep.tool_name(duty) for duty in sweep.DUTIES]}
    return dict(question.parameters) or None


def _ping_redis() -> bool:
    client = redis_client(seconds=REDIS_SECONDS)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


_database = SingleFlight(_ask_database)
_redis = SingleFlight(_ping_redis)


def _by(deadline: float, asked: Future[Any], otherwise: Any) -> Any:
    try:
        return asked.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        return otherwise
