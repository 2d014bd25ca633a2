"""Numbers as text."""

from __future__ import annotations

from decimal import ROUND_CEILING, Context, Decimal

__all__ = ["upward"]

_ONE_DIGIT = Context(prec=1, rounding=ROUND_CEILING)


def upward(bound: float) -> str:
    """A proven bound with one digit, rounded up, so that what is shown holds as well.

    Example:
        >>> upward(1.01e-13), upward(2e-13), upward(9.2)
        ('2e-13', '3e-13', '1e+01')
        >>> f"{1.01e-13:.1g}"
        '1e-13'
    """
    return f"{float(_ONE_DIGIT.create_decimal(Decimal(bound))):.1g}"
