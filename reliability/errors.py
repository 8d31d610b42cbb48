"""What can go wrong in the machinery, one class per decision that a caller can take."""


class ReliabilityError(Exception):
    """Base of the errors of this app."""


class NotAQueue(ReliabilityError):
    """Somebody sent a django-q2 message to the workers, who take their work from `governance_tasks`."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        super().__init__(
            f"the cluster {queue!r} takes no django-q2 messages: submit a task instead; "
            "its workers read the table governance_tasks"
        )


class ClusterDead(ReliabilityError):
    """The cluster cannot go on and whoever started it should start it again."""
