"""What `/metrics` says, as numbers."""

from typing import Any

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[str, list[tuple[dict[str, str], float]]]


def scrape(client: Client, **headers: str) -> Samples:
    """Every sample by its name, in the order in which they were told."""
    return parse(client.get("/metrics", headers=headers))


def parse(response: Any) -> Samples:
    assert response.status_code == 200, response.content
    found: Samples = {}
    for family in text_string_to_metric_families(response.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(samples: Samples, name: str, **labels: str) -> Any:
    """The one sample of this name whose labels include these; None if there is none."""
    fitting = [number for have, number in samples.get(name, []) if labels.items() <= have.items()]
    assert len(fitting) <= 1, fitting
    return fitting[0] if fitting else None
