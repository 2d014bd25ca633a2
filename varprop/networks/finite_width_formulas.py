"""Layers of a net of finite width, and the formulas for what one layer does to the norm."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

import mpmath
import sympy as sp

from varprop.errors import DerivationError, ParameterError
from varprop.model.activations import HomogeneousActivation, activation
from varprop.model.axes import as_size
from varprop.model.distributions import Normal
from varprop.model.scalars import scalar

__all__ = [
    "DIGITS",
    "MOST_BITS",
    "as_layers",
    "log_formula",
    "power_product",
    "ratio_sum",
    "relative_moment",
    "two_slopes",
]

MOST_BITS = 4096
"""An exact number that needs more bits is given as a decimal of `DIGITS` digits."""
DIGITS = 30
WIDEST = 10**18


def two_slopes(given: object, what: str) -> HomogeneousActivation:
    """Return the activation of a name if it is linear on both sides of zero, and not zero on both."""
    phi = activation(given)
    if not isinstance(phi, HomogeneousActivation) or phi.degree != 1:
        raise ParameterError(
            f"{what}(activation={phi!s:.60})",
            "the law is known for activations that are linear on both sides of zero",
            "Use relu, leaky_relu(slope), identity or abs; varprop.mean_field serves the others.",
        )
    if phi.above == 0 and phi.below == 0:
        raise ParameterError(f"{what}(activation={phi})", "it is zero everywhere", "Use another.")
    return phi


def as_layers(
    widths: object, depth: object, what: str, merge: bool = True
) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
    """Return pairs of a width and how many layers have it, each width once, or else layer by layer."""
    if depth is not None:
        size = scalar(depth, f"{what}: depth")
        if size.is_negative or (size.is_number and not size.is_Integer):
            raise ParameterError(f"{what}(depth={size})", "a depth is a whole number from 0 on", "Give one.")
        width = _width(widths, what)
        return () if size == 0 else ((width, size),)
    if isinstance(widths, (str, sp.Expr)) or not isinstance(widths, Iterable):
        return ((_width(widths, what), sp.S.One),)
    listed = [_width(width, what) for width in widths]
    counted = Counter(listed).items() if merge else [(width, 1) for width in listed]
    return tuple((width, sp.Integer(count)) for width, count in counted)


def _width(value: object, what: str) -> sp.Expr:
    # A net may have very many layers, and the checks of SymPy take a while.
    plain = type(value) is int and value > 0
    size = sp.Integer(value) if plain else as_size(value, f"{what}: width")
    if size.is_Integer and size > WIDEST:
        raise ParameterError(f"{what}: width {size}", "beyond 10^18", "Use varprop.mean_field, its limit.")
    return size


@cache
def _cumulants(activation: HomogeneousActivation, k: int) -> tuple[sp.Expr, ...]:
    """Return the cumulants 1 to k of phi(N)^2 over its mean."""
    mean = activation.moment(2, Normal())
    raw = [sp.S.One, *(activation.moment(2 * j, Normal()) / mean**j for j in range(1, k + 1))]
    found = [sp.S.Zero]
    for j in range(1, k + 1):
        found.append(raw[j] - sum(sp.binomial(j - 1, i - 1) * found[i] * raw[j - i] for i in range(1, j)))
    return tuple(found)


@lru_cache(4096)
def relative_moment(activation: HomogeneousActivation, k: int, width: sp.Expr) -> sp.Expr:
    """Return E X^k for X the mean of `width` copies of phi(N)^2 over its mean: 1 + 5/n for ReLU, k = 2."""
    if k < 2:
        return sp.S.One
    cumulants = _cumulants(activation, k)
    rational = all(cumulant.is_Rational for cumulant in cumulants)
    if rational and width.is_Integer:  # fast: a net may have very many widths
        total = _from_cumulants([Fraction(int(c.p), int(c.q)) for c in cumulants], Fraction(1, int(width)))
        return sp.Rational(total.numerator, total.denominator)
    share = sp.Dummy("share", positive=True)
    line = _from_cumulants(list(cumulants), share)
    return (sp.expand(line) if rational else line).xreplace({share: 1 / width})


def _from_cumulants(cumulants: list[Any], share: Any) -> Any:
    """Return the last moment of a mean of 1/share copies, from the cumulants of one of mean 1."""
    scaled = [cumulant * share ** max(j - 1, 0) for j, cumulant in enumerate(cumulants)]
    made: list[Any] = [1]
    for j in range(1, len(cumulants)):
        made.append(sum(math.comb(j - 1, i - 1) * scaled[i] * made[j - i] for i in range(1, j + 1)))
    return made[-1]


def power_product(factors: Iterable[tuple[sp.Expr, sp.Expr]]) -> sp.Expr:
    """Return the product of powers, exact as long as its numbers stay of a readable size."""
    numbers: list[tuple[sp.Rational, int]] = []
    rest = sp.S.One
    for base, power in factors:
        if base.is_Rational and power.is_Integer:
            numbers.append((base, int(power)))
        else:
            rest *= base**power
    bits = sum((base.p.bit_length() + base.q.bit_length()) * power for base, power in numbers if base != 1)
    if bits <= MOST_BITS:
        return sp.Mul(*(base**power for base, power in numbers)) * rest
    with mpmath.workdps(DIGITS + 20):
        product = mpmath.mpf(1)
        for base, power in numbers:
            product *= (mpmath.mpf(int(base.p)) / int(base.q)) ** power
        return sp.Float(product, DIGITS) * rest


def log_formula(activation: HomogeneousActivation, width: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Return mean and variance of log X as formulas: for ReLU a sum over the units that are on."""
    squares = {activation.above**2, activation.below**2}
    if len(squares) == 1:
        return sp.digamma(width / 2) - sp.log(width / 2), sp.polygamma(1, width / 2)
    if sp.S.Zero not in squares:
        raise DerivationError(
            f"E log R of a net of {activation} layers of width {width}",
            "no formula is known for a symbolic width",
            "Give numbers.",
        )
    k = sp.Symbol("k", integer=True, positive=True)
    weight = sp.binomial(width, k) / (2**width - 1)
    first = sp.Sum(weight * sp.digamma(k / 2), (k, 1, width))
    square = sp.Sum(weight * (sp.digamma(k / 2) ** 2 + sp.polygamma(1, k / 2)), (k, 1, width))
    return first - sp.log(width / 4), square - first**2


def ratio_sum(ratios: Iterable[sp.Expr]) -> sp.Expr:
    """Return a sum, its numbers exact as long as they stay of a readable size."""
    terms = list(ratios)
    numbers = [term for term in terms if term.is_Rational]
    if sum(number.q.bit_length() for number in numbers) <= MOST_BITS:
        return sp.Add(*terms)
    with mpmath.workdps(DIGITS + 20):
        total = mpmath.fsum(mpmath.mpf(int(number.p)) / int(number.q) for number in numbers)
        return sp.Float(total, DIGITS) + sp.Add(*(term for term in terms if not term.is_Rational))
