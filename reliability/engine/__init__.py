"""The engine: the function that django-q2 starts in every worker process."""

import asyncio
import uuid

from governance.db import locks
from reliability.cluster import shared_state
from reliability.engine.worker_loop import WorkerLoop


def run_worker_loop() -> None:
    """Work for this cluster's workers until the cluster ends. The only message the broker ever hands out."""
    locks.begin()
    beat = shared_state.join()
    asyncio.run(WorkerLoop(process_id=uuid.uuid4(), worker_ids=shared_state.worker_ids, beat=beat).run())


__all__ = ["run_worker_loop"]
