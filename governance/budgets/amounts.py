"""Money as the ledger keeps it: USD, nine decimals."""

from decimal import ROUND_HALF_EVEN, Decimal

DECIMALS = Decimal("0.000000001")
# What `numeric(18, 9)` can hold.
MOST = Decimal(1_000_000_000)


def quantize(value: Decimal | int | str, *, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """The value with nine decimals. Raises `ValueError` for what is negative, endless or too much."""
    usd = Decimal(value)
    if not (usd.is_finite() and 0 <= usd < MOST):
        raise ValueError(f"{value} is not an amount of money: from 0 to below {MOST} USD are")
    return usd.quantize(DECIMALS, rounding=rounding)
