"""Money: what may be spent, what is promised, what was spent, and by which prices."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from governance.models.defaults import SqlUser, TimeOrderedId

FLEET = "FLEET"


def usd(**options: Any) -> models.DecimalField:
    """Money in USD: nine decimals, up to a billion."""
    return models.DecimalField(max_digits=18, decimal_places=9, **options)


class WorkerBudget(models.Model):
    """What a worker may spend in a day, a week and a month (`worker_budgets`); null is no limit.

    The row FLEET binds all workers together. Limits are read at every reservation, so a change made in
    SQL binds at the next call. Windows turn at local midnight of `timezone` (weeks on Mondays). A
    worker without a row is bound by the fleet's limits alone; without the row FLEET nothing is spent.
    """

    worker_id = models.CharField(max_length=64, primary_key=True)
    daily_limit = usd(null=True, blank=True)
    weekly_limit = usd(null=True, blank=True)
    monthly_limit = usd(null=True, blank=True)
    timezone = models.CharField(max_length=64, db_default="UTC")

    class Meta:
        db_table = "worker_budgets"
        constraints: ClassVar = [
            models.CheckConstraint(
                name=f"budget_{limit}_positive",
                condition=Q(**{f"{limit}__isnull": True}) | Q(**{f"{limit}__gte": 0}),
            )
            for limit in ("daily_limit", "weekly_limit", "monthly_limit")
        ]

    def __str__(self) -> str:
        return f"budget of {self.worker_id}"


class BudgetWindow(models.Model):
    """The money of one scope in one window of time (`budget_windows`). Never reset: the next is a new row.

    `scope` is a worker, FLEET, or `task:<id>` for the envelope of a task and all that descends from it.
    `spent` is the sum of the ledger lines of its holds, `held` the sum of its open holds. `overage` is
    what was booked beyond what had been held. `carried` counts against the limit, too: money that is
    booked in an older window which this one overlaps, because the time zone was changed, or that a task
    spent before it was given an envelope. `ceiling` is the highest limit that a reservation was made
    under (null: there was none), and lets the database itself refuse to overspend.
    """

    class Kind(models.TextChoices):
        DAY = "day"
        WEEK = "week"
        MONTH = "month"
        TASK = "task"

    id = models.BigAutoField(primary_key=True)
    scope = models.CharField(max_length=64)
    kind = models.CharField(max_length=10, choices=Kind)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    spent = usd(db_default=Value(0))
    held = usd(db_default=Value(0))
    overage = usd(db_default=Value(0))
    carried = usd(db_default=Value(0))
    ceiling = usd(null=True)

    class Meta:
        db_table = "budget_windows"
        constraints: ClassVar = [
            models.UniqueConstraint("scope", "kind", "starts_at", name="budget_window_once"),
            models.CheckConstraint(
                name="budget_window_kind_known", condition=Q(kind__in=["day", "week", "month", "task"])
            ),
            models.CheckConstraint(
                name="budget_window_not_negative",
                condition=Q(spent__gte=0, held__gte=0, overage__gte=0, carried__gte=0),
            ),
            # The promise: nobody spends or holds more than was allowed, but for what is on record as overage.
            models.CheckConstraint(
                name="budget_window_not_overspent",
                condition=Q(ceiling__isnull=True) | Q(ceiling__gte=F("spent") + F("held") - F("overage")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope}, {self.kind} of {self.starts_at:%Y-%m-%d}"


class BudgetHold(models.Model):
    """Money promised to one call (`budget_holds`).

        open ──settle──► settled      what it cost is booked
          ├────release─► released     it was never sent, or refused: nothing is booked
          ├────charge──► unknown      nobody knows what it cost: all of it is booked
          └────expire──► expired      nobody came back: all of it is booked

    It ends exactly once. What was booked for an ended hold changes by corrections only, each a line of
    the ledger; `charged_usd` is always the sum of its `lines` lines. `windows` are the windows that it
    counts in, in the order in which they are locked. There are no foreign keys: history outlives tasks.
    """

    class State(models.TextChoices):
        OPEN = "open"
        SETTLED = "settled"
        RELEASED = "released"
        UNKNOWN = "unknown"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, db_default=TimeOrderedId(), editable=False)
    worker_id = models.CharField(max_length=64)
    task_id = models.UUIDField(null=True)
    service = models.CharField(max_length=100, db_default="")
    model = models.CharField(max_length=200, db_default="")
    amount_usd = usd()
    state = models.CharField(max_length=10, choices=State, db_default=State.OPEN)
    charged_usd = usd(db_default=Value(0))
    overage_usd = usd(db_default=Value(0))
    lines = models.IntegerField(db_default=0)
    windows = ArrayField(models.BigIntegerField())
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "budget_holds"
        indexes: ClassVar = [
            # Read by the expiry. Settled holds are in neither index.
            models.Index("expires_at", name="hold_expiry", condition=Q(state="open")),
            # Read when a running task is given an envelope, and by the page of a task.
            models.Index("task_id", name="hold_open_of_task", condition=Q(state="open")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="hold_state_known",
                condition=Q(state__in=["open", "settled", "released", "unknown", "expired"]),
            ),
            models.CheckConstraint(
                name="hold_ended_when", condition=Q(state="open") ^ Q(ended_at__isnull=False)
            ),
            models.CheckConstraint(
                name="hold_not_negative",
                condition=Q(amount_usd__gte=0, charged_usd__gte=0, overage_usd__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_usd} USD for {self.worker_id}, {self.state}"


class CostLine(models.Model):
    """One line of the ledger (`api_cost_tracking`): append-only, the database refuses UPDATE and DELETE.

    Line 0 of a hold books its call, the others correct it. `created_at` is when the call was made, for
    corrections too, and is what decides the windows that a line counts in; `booked_at` is when the line
    was written. `input_tokens` includes cached ones, `output_tokens` includes reasoning. A line typed
    into `psql` without a hold is given one and counts in the budgets like any other.
    """

    class Kind(models.TextChoices):
        CALL = "call"
        CORRECTION = "correction"

    class Source(models.TextChoices):
        """Where the price came from."""

        PROVIDER = "provider", "said by the provider"
        GENAI_PRICES = "genai-prices", "price list"
        OPERATOR = "operator", "price set by an operator"
        UNPRICED = "unpriced", "no price known: the whole hold"
        UNKNOWN = "unknown", "outcome unknown: the whole hold"
        EXPIRED = "expired", "hold expired: the whole hold"
        MANUAL = "manual", "booked by hand"

    id = models.BigAutoField(primary_key=True)
    worker_id = models.CharField(max_length=64)
    task_id = models.UUIDField(null=True, blank=True)
    service = models.CharField(max_length=100, db_default="")
    model = models.CharField(max_length=200, db_default="")
    cost_usd = usd()
    input_tokens = models.BigIntegerField(db_default=0)
    output_tokens = models.BigIntegerField(db_default=0)
    cache_read_tokens = models.BigIntegerField(db_default=0)
    cache_write_tokens = models.BigIntegerField(db_default=0)
    reasoning_tokens = models.BigIntegerField(db_default=0)
    kind = models.CharField(max_length=10, choices=Kind, db_default=Kind.CALL)
    price_source = models.CharField(max_length=20, choices=Source, db_default=Source.MANUAL)
    hold_id = models.UUIDField(blank=True)
    line = models.IntegerField(db_default=0)
    request_id = models.CharField(max_length=200, db_default="")
    actor = models.CharField(max_length=160, db_default=SqlUser())
    reason = models.TextField(db_default="")
    created_at = models.DateTimeField(db_default=Now())
    booked_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "api_cost_tracking"
        permissions: ClassVar = [("correct_costline", "Can correct what a call was charged")]
        indexes: ClassVar = [
            # Read by sums over a span of time: the runbook's, the dashboard's, the watchdog's.
            models.Index("created_at", name="cost_created"),
            # Read by the page of a task and when a running task is given an envelope.
            models.Index("task_id", name="cost_of_task", condition=Q(task_id__isnull=False)),
        ]
        constraints: ClassVar = [
            # A call is booked once, whoever reports it how often.
            models.UniqueConstraint("hold_id", "line", name="cost_line_once"),
            models.CheckConstraint(name="cost_kind_known", condition=Q(kind__in=["call", "correction"])),
            models.CheckConstraint(
                name="cost_source_known",
                condition=Q(
                    price_source__in=[
                        "provider",
                        "genai-prices",
                        "operator",
                        "unpriced",
                        "unknown",
                        "expired",
                        "manual",
                    ]
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cost_usd} USD by {self.worker_id} ({self.price_source})"


class ModelPrice(models.Model):
    """A price that an operator set for a model that the price list does not know (`model_prices`).

    USD per million tokens; 0 is a price. Cache rates that are null are the input rate.
    """

    pk = models.CompositePrimaryKey("service", "model")
    service = models.CharField(max_length=100)
    model = models.CharField(max_length=200)
    input_usd_per_mtok = usd()
    output_usd_per_mtok = usd()
    cache_read_usd_per_mtok = usd(null=True, blank=True)
    cache_write_usd_per_mtok = usd(null=True, blank=True)
    request_usd = usd(db_default=Value(0))
    set_by = models.CharField(max_length=160, db_default=SqlUser())
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "model_prices"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="price_not_negative",
                condition=Q(input_usd_per_mtok__gte=0, output_usd_per_mtok__gte=0, request_usd__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} at {self.service}"
