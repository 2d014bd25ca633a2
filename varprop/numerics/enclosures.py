"""Proven enclosures of expectations under normal laws, by ball arithmetic; needs python-flint.

The integrand is a formula, not a callable: nothing else can be proven analytic, and an integrator that is
told nothing of the branch cuts inside a callable gives tight and wrong balls.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib.util import find_spec
from typing import Any, TypeAlias

import sympy as sp

__all__ = ["Enclosure", "Majorant", "NotEnclosed", "available", "enclose", "is_enclosable"]

Ball: TypeAlias = Any
Node: TypeAlias = Callable[[Any, Any, bool], Any]
Majorant: TypeAlias = tuple[sp.Expr, int]
"""(C, d) with |g(x)| <= C (1 + |x|)^d on the whole line."""

ENTIRE = {sp.exp: "exp", sp.erf: "erf", sp.erfc: "erfc", sp.sin: "sin", sp.cos: "cos"}
ENTIRE |= {sp.sinh: "sinh", sp.cosh: "cosh"}
MEROMORPHIC = {sp.tanh: "tanh", sp.coth: "coth", sp.tan: "tan", sp.sech: "sech"}
CUT = {sp.log: "log"}
BASE = sp.Dummy("exp", positive=True)
"""Stands for exp(x); one symbol for all, so that what SymPy knows of its formulas stays known."""
MOST_EVALUATIONS = 200_000
MOST_ATTEMPTS = 8


class NotEnclosed(Exception):
    """No enclosure of the width asked for was found."""


@dataclass(frozen=True)
class Enclosure:
    """An interval that holds a number, proven.

    Attributes:
        middle: its middle, a decimal with enough digits.
        radius: its half-width, rounded up.
    """

    middle: sp.Float
    radius: float


def available() -> bool:
    """Whether python-flint is installed."""
    return find_spec("flint") is not None


def is_enclosable(formula: sp.Expr, x: sp.Symbol) -> bool:
    """Whether a formula in one symbol is made of functions that ball arithmetic knows to be analytic.

    Example:
        >>> x = sp.Symbol("x", real=True)
        >>> is_enclosable(sp.tanh(x) ** 2, x), is_enclosable(sp.Abs(x), x)
        (True, False)
    """
    if formula == x or (formula.is_number and formula.is_real):
        return True
    if formula.is_Add or formula.is_Mul:
        return all(is_enclosable(part, x) for part in formula.args)
    if formula.is_Pow and formula.base != sp.E:
        exponent = formula.exp
        return bool(exponent.is_number and exponent.is_real) and is_enclosable(formula.base, x)
    known = formula.func in ENTIRE or formula.func in MEROMORPHIC or formula.func in CUT
    return known and len(formula.args) == 1 and is_enclosable(formula.args[0], x)


def _compiled(formula: sp.Expr, x: sp.Symbol) -> Callable[[Ball, bool], Ball]:
    """The formula as a function of a ball and of whether it must be analytic on it; exp(x) is found once."""
    formula = formula.replace(_is_logistic, _by_tanh)
    shared = formula.replace(
        lambda part: part.func is sp.exp and (part.args[0] / x).is_Integer,
        lambda part: BASE ** (part.args[0] / x),
    )
    function = _node(shared, x)
    if not shared.has(BASE):
        return lambda z, analytic: function(z, z, analytic)
    return lambda z, analytic: function(z, z.exp(), analytic)


def _is_logistic(part: sp.Expr) -> bool:
    """Whether a part is a power of 1 / (1 + exp(a))."""
    return bool(
        part.is_Pow
        and part.exp.is_Integer
        and part.exp.is_negative
        and part.base.is_Add
        and len(part.base.args) == 2
        and part.base.args[0] == 1
        and part.base.args[1].func is sp.exp
    )


def _by_tanh(part: sp.Expr) -> sp.Expr:
    """1 / (1 + exp(a)) = (1 - tanh(a/2)) / 2, which stays narrow on wide balls."""
    return ((1 - sp.tanh(part.base.args[1].args[0] / 2)) / 2) ** -part.exp


def _node(formula: sp.Expr, x: sp.Symbol) -> Node:
    """A formula in x and exp(x); its constants are balls of the precision at hand."""
    from flint import acb  # noqa: PLC0415

    if formula == x:
        return lambda z, e, analytic: z
    if formula == BASE:
        return lambda z, e, analytic: e
    if not formula.has(x, BASE):
        constant = acb(_constant(formula))
        return lambda z, e, analytic: constant
    if formula.is_Add or formula.is_Mul:
        join = operator.add if formula.is_Add else operator.mul
        constant, rest = formula.as_independent(x, BASE, as_Add=formula.is_Add)
        parts = [_node(part, x) for part in formula.func.make_args(rest)]
        if constant != (0 if formula.is_Add else 1):
            parts.append(_node(constant, x))
        return reduce(lambda one, other: _joined(join, one, other), parts)
    if formula.is_Pow and formula.base != sp.E:
        return _power(_node(formula.base, x), formula.exp)
    inner = _node(formula.args[0], x)
    name = (ENTIRE | MEROMORPHIC | CUT)[formula.func]
    method = getattr(acb, name)
    if formula.func in CUT:
        return lambda z, e, analytic: method(inner(z, e, analytic), analytic=analytic)
    return lambda z, e, analytic: method(inner(z, e, analytic))


def _joined(join: Callable[[Ball, Ball], Ball], one: Node, other: Node) -> Node:
    return lambda z, e, analytic: join(one(z, e, analytic), other(z, e, analytic))


def _power(base: Node, exponent: sp.Expr) -> Node:
    from flint import acb  # noqa: PLC0415

    if exponent == 2:

        def square(z: Ball, e: Ball, analytic: bool) -> Ball:
            value = base(z, e, analytic)
            return value * value

        return square
    if exponent.is_Integer:
        whole = int(exponent)
        return lambda z, e, analytic: base(z, e, analytic) ** whole
    power = acb(_constant(exponent))
    return lambda z, e, analytic: base(z, e, analytic).pow(power, analytic=analytic)


def _constant(number: sp.Expr) -> Ball:
    """A real number as a ball of the working precision; its digits come from mpmath, with digits to spare."""
    from flint import arb, ctx  # noqa: PLC0415

    if number.is_Rational:
        return arb(int(number.p)) / int(number.q)
    digits = int(ctx.prec * 0.302) + 15
    value = sp.Float(number.evalf(digits + 10), digits + 10)
    radius = abs(value) * sp.Float(10) ** (-digits)
    return arb(str(value), str(sp.Float(radius, 5)))


def enclose(
    pieces: Sequence[sp.Expr],
    kinks: Sequence[sp.Expr],
    x: sp.Symbol,
    mean: sp.Expr,
    variance: sp.Expr,
    majorant: Majorant,
    digits: int = 15,
    scale: float = 1.0,
) -> Enclosure:
    """An interval that holds E g(X), X of N(mean, variance), for g given by formulas between kinks.

    The body is integrated by balls on [-T, T] standard deviations; the tails are at most
    2 C (a + s T)^d phi(T) / (T - (d - 1) / T) with a = 1 + |mean|, which is added.

    Args:
        pieces: a formula in x before, between and after the kinks.
        kinks: where they meet, in ascending order.
        x: the symbol.
        mean: the mean, a number.
        variance: the variance, a positive number.
        majorant: (C, d) with |g(x)| <= C (1 + |x|)^d.
        digits: how many are asked for.
        scale: the rough size of the result, for the absolute tolerance.

    Raises:
        NotEnclosed: the interval stays too wide.

    Example:
        >>> x = sp.Symbol("x", real=True)
        >>> found = enclose([sp.tanh(x) ** 2], [], x, sp.S.Zero, sp.S.One, (sp.S.One, 0))
        >>> print(sp.N(found.middle, 15)); found.radius < 1e-14
        0.394294490397841
        True

    Source: Johansson, Numerical integration in arbitrary-precision ball arithmetic, 2018.
    """
    from flint import ctx  # noqa: PLC0415

    before = ctx.prec
    try:
        ctx.prec = int(digits * 3.33) + 20
        cutoff = (2 * 2.303 * (digits + 2)) ** 0.5 + 0.5
        for _ in range(MOST_ATTEMPTS):
            body = _body(pieces, kinks, x, mean, variance, cutoff, digits, scale)
            tail = _tails(mean, variance, majorant, cutoff)
            wanted = abs(float(body.mid())) * 10.0**-digits
            total = body + (tail * 0).union(tail).union(-tail)
            if float(total.rad()) <= max(wanted, scale * 10.0 ** -(digits + 3)):
                return _enclosure(total, digits)
            if float(tail.upper()) > wanted / 2:
                cutoff *= 1.2
            else:
                ctx.prec += int(digits * 1.5) + 20
    finally:
        ctx.prec = before
    raise NotEnclosed(f"after {MOST_ATTEMPTS} attempts the radius is {float(total.rad()):.1e}")


def _enclosure(total: Ball, digits: int) -> Enclosure:
    middle = sp.Float(total.mid().str(digits + 8, radius=False), digits + 8)
    shift = abs(float(middle)) * 10.0 ** -(digits + 7)  # the middle is rounded to the digits it is shown with
    return Enclosure(middle, float(total.rad()) * (1 + 1e-15) + shift)


def _body(
    pieces: Sequence[sp.Expr],
    kinks: Sequence[sp.Expr],
    x: sp.Symbol,
    mean: sp.Expr,
    variance: sp.Expr,
    cutoff: float,
    digits: int,
    scale: float,
) -> Ball:
    from flint import acb, arb  # noqa: PLC0415

    center, std = _constant(mean), _constant(variance).sqrt()
    minus_half = acb(-0.5)
    ends = [arb(-cutoff)]
    for kink in kinks:
        at = (_constant(kink) - center) / std
        ends.append(arb(-cutoff) if at < -cutoff else arb(cutoff) if at > cutoff else at)
    ends.append(arb(cutoff))
    total = arb(0)
    for piece, low, high in zip(pieces, ends[:-1], ends[1:], strict=True):
        if piece == 0 or bool(low == high):
            continue
        function = _compiled(piece, x)

        def integrand(z: Ball, analytic: bool, function: Any = function) -> Ball:
            return function(center + std * z, analytic) * (z * z * minus_half).exp()

        found = acb.integral(
            integrand,
            acb(low),
            acb(high),
            abs_tol=arb(scale) * arb(10) ** -(digits + 6),
            rel_tol=arb(10) ** -(digits + 3),
            eval_limit=MOST_EVALUATIONS,
        )
        total += found.real
    return total / (2 * arb.pi()).sqrt()


def _tails(mean: sp.Expr, variance: sp.Expr, majorant: Majorant, cutoff: float) -> Ball:
    from flint import arb  # noqa: PLC0415

    constant, degree = majorant
    t, a, s = arb(cutoff), 1 + abs(_constant(mean)), _constant(variance).sqrt()
    density = (-t * t / 2).exp() / (2 * arb.pi()).sqrt()
    # (a + s z)^d <= (a/T + s)^d z^d; int_T^oo z^d phi <= T^(d-1) phi(T) / (1 - (d-1)/T^2) once T^2 > d - 1
    room = 1 - max(degree - 1, 0) / (t * t)
    if not room > 0:
        return arb("1e300")
    return 2 * _constant(constant) * (a / t + s) ** degree * t ** (degree - 1) * density / room
