"""Closed forms of E phi(X)^k X^m for normal X, exact, from the formulas of phi between its kinks.

A piece that is a sum of c x^j exp(a x + b x^2) integrates to truncated moments of another normal law; sines
and cosines are waves, whose means the characteristic function gives. erf and GELU have forms of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import sympy as sp
from sympy.simplify.fu import TR8

from varprop.model.activations.base import X
from varprop.model.distributions.gaussian import Normal, normal_moment_between

__all__ = [
    "ERF",
    "GELU",
    "GELU_SLOPE",
    "Term",
    "matched",
    "named",
    "normal_expectation",
    "special",
    "terms_of",
]

ERF = sp.erf(X)
GELU = X * sp.erfc(-X / sp.sqrt(2)) / 2
GELU_SLOPE = sp.diff(GELU, X)


class Term(NamedTuple):
    """coefficient x^power exp(rate x + bend x^2)."""

    coefficient: sp.Expr
    power: int
    rate: sp.Expr
    bend: sp.Expr


Terms: TypeAlias = tuple[Term, ...]
CENTER = sp.Symbol("center_", real=True)
MOST_REDUCTIONS = 8
REACH = (1e-48, 1e16)
"""Squares of the spread against the width of an exponential: beyond, SymPy is silently wrong about
exp(a) erfc(b), or has no digits left."""
FARTHEST = 1e16
"""The square of a kink in deviations; the other side of it is out of every float's sight."""
LONG = 6
"""A constant of more operations than this is a symbol while a formula is expanded."""


@lru_cache(maxsize=4096)
def terms_of(piece: sp.Expr) -> Terms | None:
    """A formula in `X` as a sum of terms, or None if it is no such sum.

    Example:
        >>> terms_of(X * sp.exp(2 * X) - 1)
        (Term(coefficient=-1, power=0, rate=0, bend=0), Term(coefficient=1, power=1, rate=2, bend=0))
    """
    if not isinstance(piece, sp.Expr):
        return None
    found = []
    for addend in sp.Add.make_args(sp.expand(piece, log=False, trig=False)):
        term = _term(addend)
        if term is None:
            return None
        found.append(term)
    return tuple(found)


def _term(addend: sp.Expr) -> Term | None:
    coefficient, power, exponent = sp.S.One, 0, sp.S.Zero
    for factor in sp.Mul.make_args(addend):
        base, raised = factor.as_base_exp()
        if not factor.has(X):
            coefficient *= factor
        elif base == X and raised.is_Integer and raised > 0:
            power += int(raised)
        elif base == sp.E and raised.is_polynomial(X):
            exponent += raised
        else:
            return None
    shape = sp.Poly(exponent, X)
    if shape.degree() > 2:
        return None
    bend, rate, constant = (shape.coeff_monomial(X**k) for k in (2, 1, 0))
    if bend != 0 and not bend.is_negative:
        return None
    return Term(coefficient * sp.exp(constant), power, rate, bend)


def _between(term: Term, mean: sp.Expr, variance: sp.Expr, low: sp.Expr, high: sp.Expr) -> sp.Expr:
    """E of a term on [low, high]: completing the square gives another normal law."""
    coefficient, power, rate, bend = term
    width = variance / (1 - 2 * bend * variance)
    center = width * (mean / variance + rate) if bend != 0 else mean + rate * variance
    weight = sp.sqrt(width / variance) * sp.exp(
        sp.expand(mean * rate + rate**2 * variance / 2)
        if bend == 0
        else sp.together((bend * mean**2 + rate * mean + rate**2 * variance / 2) * width / variance)
    )
    if (low, high) == (-sp.oo, sp.oo):
        return coefficient * weight * Normal(mean=center, variance=width).moment(power)
    part = normal_moment_between(center, width, low, high, power)
    if rate != 0 and (low == -sp.oo) != (high == sp.oo):  # a tail keeps its digits as erfc
        part = sp.expand(part.replace(sp.erf, lambda at: 1 - sp.erfc(at)))
    return coefficient * weight * part


def normal_expectation(
    pieces: Sequence[sp.Expr],
    kinks: Sequence[sp.Expr],
    mean: sp.Expr,
    variance: sp.Expr,
    power: int = 1,
    times: int = 0,
    everywhere: bool = False,
) -> sp.Expr | None:
    """E g(X)^power X^times for X of N(mean, variance), g given by formulas in `X` between kinks.

    None if no closed form is known, or, unless `everywhere`, if SymPy finds no digits of it.

    Example:
        >>> v = sp.Symbol("v", positive=True)
        >>> normal_expectation([sp.exp(X)], [], sp.Integer(0), v)
        exp(v/2)
        >>> normal_expectation([sp.sin(X)], [], sp.Integer(0), v, power=2)
        1/2 - exp(-2*v)/2
    """
    ends = [-sp.oo, *kinks, sp.oo]
    if not kinks and pieces[0].has(sp.sin, sp.cos):
        return _waves(pieces[0] ** power * X**times, mean, variance)
    constants: dict[sp.Expr, sp.Symbol] = {}
    total = sp.S.Zero
    for piece, low, high in zip(pieces, ends[:-1], ends[1:], strict=True):
        terms = terms_of(named(piece, constants) ** power * X**times)
        sizes = []
        if not everywhere:
            sizes += [((end - mean) ** 2 / variance, (0.0, FARTHEST)) for end in (low, high) if end.is_finite]
            sizes += [(term.rate**2 * variance, REACH) for term in terms or () if term.rate != 0]
        if terms is None or any(
            size.is_number and not least <= float(size) <= most for size, (least, most) in sizes
        ):
            return None
        total += sum((_between(term, mean, variance, low, high) for term in terms), start=sp.S.Zero)
    return total.xreplace({name: constant for constant, name in constants.items()})


def named(
    formula: sp.Expr, constants: dict[sp.Expr, sp.Symbol], variables: tuple[sp.Symbol, ...] = (X,)
) -> sp.Expr:
    """The formula with symbols for its long constants, which are added to the table."""
    if not formula.has(*variables):
        if formula.count_ops() <= LONG:
            return formula
        sign = -1 if formula.is_negative else 1
        return sign * constants.setdefault(sign * formula, sp.Dummy(positive=True))
    if formula.is_Mul:
        constant, rest = formula.as_independent(*variables, as_Add=False)
        if constant != 1:
            return named(constant, constants, variables) * named(rest, constants, variables)
    parts = (named(part, constants, variables) for part in formula.args)
    return formula.func(*parts) if formula.args else formula


def _waves(piece: sp.Expr, mean: sp.Expr, variance: sp.Expr) -> sp.Expr | None:
    """E of a sum of c x^j cos(f x) and c x^j sin(f x): parts of E x^j exp(i f x)."""
    total = sp.S.Zero
    for _ in range(MOST_REDUCTIONS):  # products of waves as sums of waves
        reduced = sp.expand(TR8(piece))
        if reduced == piece:
            break
        piece = reduced
    for addend in sp.Add.make_args(piece):
        waves = [factor for factor in sp.Mul.make_args(addend) if factor.has(sp.sin, sp.cos)]
        term = _term(addend / sp.Mul(*waves))
        if term is None or term.bend != 0 or len(waves) > 1:
            return None
        if not waves:
            total += _between(term, mean, variance, -sp.oo, sp.oo)
            continue
        angle = sp.Poly(waves[0].args[0], X) if isinstance(waves[0], (sp.sin, sp.cos)) else None
        if angle is None or angle.degree() > 1:
            return None
        speed, phase = angle.coeff_monomial(X), angle.coeff_monomial(1)
        # E x^j exp((a + i f) x) = exp(...) E (N(mean + (a + i f) v, v))^j, split by hand: SymPy's re is slow
        real = mean + term.rate * variance
        imaginary = speed * variance
        polynomial = Normal(mean=CENTER, variance=variance).moment(term.power)
        polynomial = sp.expand(polynomial.subs(CENTER, real + sp.I * imaginary))
        even, odd = polynomial.coeff(sp.I, 0), polynomial.coeff(sp.I, 1)
        turn = phase + speed * real
        size = sp.exp(term.rate * mean + (term.rate**2 - speed**2) * variance / 2)
        cosine, sine = sp.cos(turn), sp.sin(turn)
        part = even * cosine - odd * sine if isinstance(waves[0], sp.cos) else even * sine + odd * cosine
        total += term.coefficient * size * part
    return total


def matched(piece: sp.Expr, known: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """(a, b) with piece = a known(b x), however the two are written; None if there are none.

    Example:
        >>> matched(3 * X * (1 + sp.erf(X)), GELU)
        (3*sqrt(2), sqrt(2))
    """
    stretch = _rate(piece) / _rate(known)
    if not (stretch.is_real and stretch.is_nonzero):  # exp(x^2) is no bump
        return None
    terms, wanted = (sp.Add.make_args(_in_erf(each)) for each in (piece.subs(X, X / stretch), known))
    if len(terms) != len(wanted):
        return None
    factors = [factor for term in terms if not (factor := term / wanted[0]).has(X)]
    return next(
        ((a, stretch) for a in factors if sp.expand(sp.Add(*terms, *(-a * w for w in wanted))) == 0), None
    )


def _in_erf(formula: sp.Expr) -> sp.Expr:
    return sp.expand(formula.replace(sp.erfc, lambda at: 1 - sp.erf(at)), trig=False)


def _rate(formula: sp.Expr) -> sp.Expr:
    """b where the functions of a formula are all of b x, or of -(b x)^2; 0 if there is no such b."""
    for kind in (sp.erf, sp.sin, sp.cos, sp.exp):
        inner = {at.args[0] for at in _in_erf(formula).atoms(kind)}
        if len(inner) == 1:
            [at] = inner
            rates = (at / X, sp.sqrt(-at / X**2))
            return next((rate for rate in rates if not rate.has(X)), sp.S.Zero)
    return sp.S.Zero


@lru_cache(maxsize=4096)
def _gate(piece: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
    """The gate that a formula is a multiple of, and the factors of `matched`."""
    for known in (ERF, GELU, GELU_SLOPE):
        found = matched(piece, known) if piece.has(sp.erf, sp.erfc) else None
        if found is not None:
            return known, *found
    return None


def special(piece: sp.Expr, power: int, times: int, mean: sp.Expr, variance: sp.Expr) -> sp.Expr | None:
    """E phi(X)^power X^times for erf, GELU and the derivative of GELU, where a form is known.

    A formula is known by what it is, up to factors on it and on its argument, not by what it is called.

    Source: Williams 1997 for erf; the forms of GELU follow from the arcsine law of two normal signs.
    """
    found = _gate(piece)
    if found is None:
        return None
    known, factor, stretch = found
    form = _of_gate(known, power, times, stretch * mean, stretch**2 * variance)
    return None if form is None else factor**power / stretch**times * form


def _of_gate(known: sp.Expr, power: int, times: int, mean: sp.Expr, v: sp.Expr) -> sp.Expr | None:
    centered, wide = mean.is_zero, 1 + v
    if known == ERF and (power, times) == (1, 0):
        return sp.erf(mean / sp.sqrt(1 + 2 * v))
    if known == ERF and (power, times) == (1, 1):
        slope = 2 * sp.exp(-(mean**2) / (1 + 2 * v)) / sp.sqrt(sp.pi * (1 + 2 * v))
        return mean * sp.erf(mean / sp.sqrt(1 + 2 * v)) + v * slope
    if known == ERF and (power, times) == (2, 0) and centered:
        return 2 * sp.asin(2 * v / (1 + 2 * v)) / sp.pi
    if known == GELU and (power, times) == (1, 0):
        share = (1 + sp.erf(mean / sp.sqrt(2 * wide))) / 2
        return mean * share + v * sp.exp(-(mean**2) / (2 * wide)) / sp.sqrt(2 * sp.pi * wide)
    if known == GELU and (power, times) == (2, 0) and centered:
        return v / 4 + v / (2 * sp.pi) * (sp.asin(v / wide) + 2 * v / (wide * sp.sqrt(1 + 2 * v)))
    if known == GELU_SLOPE and (power, times) == (1, 0) and centered:
        return sp.Rational(1, 2)
    if known == GELU_SLOPE and (power, times) == (2, 0) and centered:
        bulge = v * (3 + 5 * v) / (wide * sp.sqrt(1 + 2 * v) ** 3)
        return sp.Rational(1, 4) + (sp.asin(v / wide) + bulge) / (2 * sp.pi)
    return None
