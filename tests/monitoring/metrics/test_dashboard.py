"""The Grafana file can be imported, and asks for nothing that is not there."""

import json
import re

import pytest

from juggernaut.environment import ROOT
from monitoring.metrics import families, request_times

FOLDER = ROOT / "docs" / "grafana"


@pytest.fixture(scope="module")
def dashboard():
    return json.loads((FOLDER / "juggernaut.json").read_text())


def expressions(dashboard):
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def exported():
    """The names of all samples, those of histograms with their endings, and their labels."""
    known = {family.name: set(family.labels) for q in families.QUESTIONS for family in q.families}
    known |= {"juggernaut_up": {"dependency"}, "juggernaut_metrics_complete": set()}
    for ending in ("bucket", "count", "sum"):
        known[f"{request_times.NAME}_{ending}"] = {"method", "route", "status", "le"}
    return known


def test_every_metric_that_it_names_is_exported(dashboard):
    named = {name for each in expressions(dashboard) for name in re.findall(r"juggernaut_\w+", each)}

    assert named
    assert named - exported().keys() == set()


def test_every_metric_that_is_exported_is_shown_or_is_a_detail(dashboard):
    named = {name for each in expressions(dashboard) for name in re.findall(r"juggernaut_\w+", each)}

    details = {
        "juggernaut_breaker_steered", "juggernaut_fleet_paused", "juggernaut_worker_paused",
        "juggernaut_metrics_complete", "juggernaut_process_heartbeat_age_seconds",
        f"{request_times.NAME}_sum",
    }  # fmt: skip
    assert exported().keys() - named <= details


def test_every_label_by_which_it_groups_is_there(dashboard):
    for expression in expressions(dashboard):
        names = re.findall(r"juggernaut_\w+", expression)
        have = set.union(*(exported()[name] for name in names))
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            assert {label.strip() for label in grouped.split(",")} <= have, expression
        for matched in re.findall(r"[{,](\w+)[=!]", expression):
            assert matched in have | {"job"}, expression


def test_panels_have_ids_of_their_own_and_do_not_overlap(dashboard):
    places = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in dashboard["panels"]
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]

    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) == 23


def test_brackets_of_every_expression_close(dashboard):
    for expression in expressions(dashboard):
        for begin, end in ("()", "{}", "[]"):
            assert expression.count(begin) == expression.count(end), expression
