"""The engine: the function that django-q2 starts in every worker process."""

import asyncio
import uuid

from governance import locks
from reliability import pulse
from reliability.engine.drain import Drain


def run_drain() -> None:
    """Work for this cluster's workers until the cluster ends. The only message the broker ever hands out."""
    locks.begin()
    beat = pulse.join()
    asyncio.run(Drain(process_id=uuid.uuid4(), worker_ids=pulse.worker_ids, beat=beat).run())


__all__ = ["run_drain"]
