"""Decimals of exact numbers, however large they are and however much their terms cancel."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import mpmath
import sympy as sp

from varprop.errors import MomentError, ParameterError, brief
from varprop.model.scalars import scalar

__all__ = ["cancels", "decimal", "in_floats", "rounded", "short", "size_of", "within_floats"]

GUARD = 20
LONG, WHOLE = 24, 2**53
MOST_DIGITS = 20_000
SMALLEST, LARGEST = 2.0**-1022, 1.7e308
FAR, BEYOND = 1e6, 1e40
"""Further out 1 - erf(x) is below 10^-(10^79), and the series of erfc is its first term."""


@lru_cache(maxsize=4096)
def decimal(value: sp.Expr, count: int = 15) -> sp.Float:
    """Return an exact number in `count` digits.

    Two runs must agree, of which the first has as many digits as all parameters of the number together: a
    parameter that is not seen in one run must not be missing in both.

    Args:
        value: a number, without symbols.
        count: how many digits.

    Raises:
        MomentError: 20,000 digits do not settle it.

    Example:
        >>> tiny = sp.Integer(10) ** -300
        >>> decimal((sp.exp(tiny) - 1) / tiny - 1, 5), decimal(sp.Integer(10) ** 600, 3)
        (5.0000e-301, 1.00e+600)
    """
    if value.is_Atom or not all(map(_in_mpmath, value.atoms(sp.Function))):
        return value.evalf(count)
    start = digits = count + GUARD + size_of(value)
    before = None
    while digits <= max(MOST_DIGITS, 2 * start):
        found = _evaluated(value, digits)
        if before is not None and abs(found - before) <= abs(found) * mpmath.mpf(10) ** -(count + 2):
            return sp.Float(found._mpf_, precision=int(count * 3.33) + 4) if found else sp.Float(0)
        before, digits = found, 2 * digits
    raise MomentError(
        f"{count} digits of {brief(str(value), 200)}",
        f"{digits // 2} digits of its terms do not settle them",
        "Choose less extreme parameters.",
    )


def cancels(value: sp.Expr) -> bool:
    """Whether a number is 0 to 20 more digits than its parameters have."""
    digits = 2 * GUARD + size_of(value)
    return bool(abs(_evaluated(value, digits)) < mpmath.mpf(10) ** (GUARD // 2 - digits))


def rounded(value: sp.Expr, count: int) -> str:
    """A number in `count` digits as text, beyond the ends of float64 too.

    Example:
        >>> rounded(sp.pi, 6), rounded(sp.Integer(10) ** -600 / 3, 6), rounded(sp.oo, 6)
        ('3.14159', '3.33333e-601', 'inf')
    """
    if value.is_infinite:
        return f"{float(value)}"
    exact = decimal(value, count + 2)
    number = float(exact)
    if math.isfinite(number) and (number or exact == 0):
        return f"{number:.{count}g}"
    with mpmath.workdps(count + 5):
        text: str = mpmath.nstr(mpmath.mpf(exact._mpf_), count)
    return text.replace(".0e", "e")


def in_floats(formula: sp.Expr) -> sp.Expr:
    """Return a formula for NumPy, which would keep large whole numbers as objects: infinite where floats end.

    Example:
        >>> in_floats(sp.Integer(10) ** 30 * sp.Symbol("x") / 3 + 2)
        3.3333333333333333333e+29*x + 2
    """
    large = {n: sp.Float(n, 20) for n in formula.atoms(sp.Rational) if max(abs(n.p), n.q) > WHOLE}
    return formula.xreplace(large)


def within_floats(value: sp.Expr, what: str) -> sp.Expr:
    """Return a number that a float can hold, or a formula with symbols.

    Raises:
        ParameterError: the number is beyond the floats.
    """
    if value.is_number and not value.is_zero:
        size = abs(float(decimal(value)))
        if not SMALLEST <= size <= LARGEST:
            missing = "it is beyond the range of float64"
            raise ParameterError(f"{what} = {rounded(value, 6)}", missing, "Rescale the argument.")
    return value


def short(value: sp.Expr) -> str:
    """A parameter as text that reads back as the same number.

    Example:
        >>> short(sp.Rational(1, 100)), short(sp.Integer(10) ** 300)
        ('1/100', '1e+300')
    """
    text = str(value)
    if value.is_Rational and len(text) > LONG:
        decimals = repr(float(value))
        if scalar(decimals, "parameter") == value:
            return decimals
    return text


def size_of(value: sp.Expr) -> int:
    """Return the digits of all rational constants of a formula together: so many may cancel.

    Example:
        >>> size_of(sp.exp(sp.Integer(10) ** 30))
        30
    """
    numbers = value.atoms(sp.Rational)
    return sum(int(0.302 * (abs(n.p).bit_length() + n.q.bit_length())) for n in numbers)


def _evaluated(value: sp.Expr, digits: int) -> Any:
    with mpmath.workdps(digits):
        return mpmath.mpf(sp.lambdify([], value.replace(_known, _opaque), [_ENDS, "mpmath"])())


def _known(part: sp.Basic) -> bool:
    return isinstance(part, (sp.erf, sp.erfc))


def _opaque(part: sp.Function) -> sp.Expr:
    """The same without digits of its own, which lambdify would ask for to order terms, and overflow."""
    return sp.Function(type(part).__name__)(*part.args)


def _in_mpmath(function: sp.Function) -> bool:
    return type(function).__module__.startswith("sympy.")


def _erf(x: Any) -> Any:
    return mpmath.erf(x) if abs(x) < BEYOND else mpmath.sign(x)


def _erfc(x: Any) -> Any:
    if abs(x) < BEYOND:
        return mpmath.erfc(x)
    return 2 if x < 0 else _exp(-x * x) / (x * mpmath.sqrt(mpmath.pi))


def _exp(x: Any) -> Any:
    if abs(x) < FAR:
        return mpmath.exp(x)
    with mpmath.extraprec(max(0, mpmath.mag(x)) + 10):
        doublings = int(x / mpmath.ln2)
        return mpmath.ldexp(mpmath.exp(x - doublings * mpmath.ln2), doublings)


_ENDS = {"erf": _erf, "erfc": _erfc, "exp": _exp}
"""mpmath's own overflow or take minutes far out."""
