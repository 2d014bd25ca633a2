"""Numbers as documents show them: exact ones as they are while they are short, all others in six digits."""

from __future__ import annotations

import sympy as sp

from varprop.render import Math

__all__ = ["shown"]

LONGEST, DIGITS = 18, 6


def shown(value: object) -> Math:
    """The formula of a number or an expression.

    Example:
        >>> shown(sp.Rational(2, 784)).plain, shown(0.0025510204).plain
        ('1/392', '0.00255102')
    """
    exact = sp.sympify(value)
    if exact.has(sp.Float) or (exact.is_Rational and len(str(exact)) > LONGEST):
        exact = exact.evalf(DIGITS)
    if len(str(exact)) > 2 * LONGEST:
        number, rest = exact.as_independent(*exact.free_symbols, as_Add=False)
        exact = (number if len(str(number)) <= LONGEST else number.evalf(DIGITS)) * rest
    plain = f"{float(exact):.{DIGITS}g}" if exact.is_Float else str(exact)
    return Math(sp.latex(exact), plain)
