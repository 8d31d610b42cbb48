"""A system as it looks after months of work: tasks, letters, money and calls by the million, all of it sound.

    for done in sample.load(sample.Size(tasks=20_000, letters=5_000, lines=50_000)): ...

`manage.py load_sample` does it; benchmarks and tests of pages at size stand on it.
"""

from juggernaut.sample.loading import load, step_count
from juggernaut.sample.size import Size

__all__ = ["Size", "load", "step_count"]
