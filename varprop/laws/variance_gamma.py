"""Sums of products of two centered normal variables, their number fixed or itself random: closed forms.

Given the inputs, a sum of normal weights times inputs has the std sqrt(sum x_i^2); for m centered normal
inputs it is a variance-gamma variable. Inputs with means make m random (a noncentral chi-square is a Poisson
mixture of central ones), rectified inputs too (so many are positive).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, TypeAlias

import numpy as np
from scipy import special

from varprop.laws.closed import Formula, InvertedLaw, split
from varprop.laws.digits import Digits
from varprop.laws.inputs import Sided
from varprop.laws.law import EPS, Array
from varprop.laws.moments import LN_N
from varprop.laws.terms import ProductTerm, Term, WeightedTerm
from varprop.numerics.inversion import Inversion, Transform

__all__ = ["VarianceGamma", "product_counts"]

MOST = 60
"""Formulas are used for sums of up to so many products, the inversion beyond."""
FAR, FARTHEST = 12.0, 1e4
"""The sizes up to which tails, and densities of one m, are summed by formula."""
Counted: TypeAlias = Callable[[Array, Array], tuple[Array, Array]]
LEFT_OUT = 1e-24
"""The probability of more products that a sum of Poisson's chances leaves out."""


def product_counts(terms: Sequence[tuple[int, Term]]) -> tuple[Array | None, int] | None:
    """How many products of centered normal variables of one width a sum is: P(m = 0), P(m = 1), ...

    Returns:
        These chances, or the number alone where it is fixed and beyond `MOST`; None for any other sum.
    """
    kinds = [_kind(count, term) for count, term in terms]
    widths = [width for width, _ in kinds]
    if max(widths) - min(widths) > 4e-16 * max(widths) or not min(widths):
        return None
    total = sum(count for count, _ in terms)
    if total > MOST:
        plain = all(isinstance(term, ProductTerm) and not term.q for _, term in terms)
        return (None, total) if plain else None
    chances = np.ones(1)
    for _, some in kinds:
        if some is None or len(chances) + len(some) > MOST + 2:
            return None
        chances = np.convolve(chances, some)
    return chances, total


def _kind(count: int, term: Term) -> tuple[float, Array | None]:
    """The width of the products in copies of a term, 0 for any other term; the chances of their number."""
    if isinstance(term, ProductTerm) and term.a == 0:
        return term.p, _poisson(count, count * (term.q / term.p) ** 2 / 2)
    if isinstance(term, WeightedTerm) and term.w_mean == 0:
        x = term.inputs
        if isinstance(x, Sided) and x.mu == 0 and 0 in (x.above, x.below):
            halves = [math.comb(count, m) * 0.5**count for m in range(count + 1)] if count <= MOST else None
            return term.w_std * x.widest, None if halves is None else np.array(halves)
    return 0.0, None


def _poisson(n: int, rate: float) -> Array | None:
    """The chances of n + 2 K, K a Poisson variable; None beyond `MOST`."""
    chances, chance = np.zeros(MOST + 1), math.exp(-rate)
    for k, m in enumerate(range(n, MOST + 1, 2)):
        chances[m] = chance
        chance *= rate / (k + 1)
        # Those that follow fall faster than the powers of rate / (k + 2).
        if rate < k + 2 and chance < LEFT_OUT * (1 - rate / (k + 2)):
            return chances[: m + 1]
    return None


SERIES = [
    np.array([[1.0], [1 / (2 * k + 1) + sum(1 / j for j in range(1, k + 1))]])
    / (math.factorial(k) ** 2 * (2 * k + 1))
    for k in reversed(range(9))
]
"""Of the integral of K_0 from 0 to at most 1/2: the last term is below 1e-21."""


class VarianceGamma(InvertedLaw):
    """The sum of m products of two centered normal variables, m fixed or random; Laplace for m = 2.

    Its density is f_m(u) = u^nu K_nu(u) / (sqrt(pi) 2^nu Gamma(nu + 1/2)) with nu = (m - 1) / 2, u = |y| in
    units of std w std x; from a tail follows the next but one: P(y_(m+2) > u) = P(y_m > u) + u f_m(u) / m.

    Args:
        transform, offset, unit: of z.
        chances: P(m = 0), P(m = 1), ...
        n: instead of them where m is a fixed number beyond `MOST`.

    Source: Craig, 1936; Madan, Seneta, The variance gamma model, 1990; DLMF 10.29 (recurrences of K_nu).
    """

    precision: ClassVar[str] = "closed form"

    def __init__(
        self, transform: Transform, offset: float, unit: float, chances: Array | None, n: int = 0
    ) -> None:
        self.chances, self.width = chances, 1 / transform.right
        self.sizes = np.array([n]) if chances is None else np.flatnonzero(chances)
        self.weights = np.ones(1) if chances is None else chances[self.sizes]
        super().__init__(transform, offset, unit, float(self.sizes[self.sizes > 0][0]))
        self.method = "variance-gamma law" if len(self.sizes) == 1 else "mixture of variance-gamma laws"
        if self.sizes.tolist() == [2]:
            self.method = "Laplace law"

    def _tail(self, inversion: Inversion, y: Array) -> tuple[Array, Array]:
        last = math.inf if self.method == "Laplace law" else FAR
        return self._up_to(last, _log_tail, inversion.log_tail, y)

    def _density(self, inversion: Inversion, y: Array) -> tuple[Array, Array]:
        def formula(size: Array, chances: Array) -> tuple[Array, Array]:
            logs, error = _log_density(size, chances)
            return logs - math.log(self.width), error

        last = FAR if len(self.sizes[self.sizes > 0]) > 1 else FARTHEST
        return self._up_to(last, formula, inversion.log_density, y)

    def _up_to(self, last: float, formula: Counted, inverted: Formula, y: Array) -> tuple[Array, Array]:
        """By a formula in sizes and chances up to a size, by inversion beyond it."""
        chances = self.chances
        if chances is None:
            return inverted(y)
        near = np.abs(y) / self.width <= last
        return split(near, lambda part: formula(np.abs(part) / self.width, chances), inverted, y)

    @property
    def log_mean(self) -> Digits:
        """E log|z| = log(std w std x) + E log|N| + (E psi(m / 2) + log 2) / 2."""
        if self.offset or self.atoms:
            return super().log_mean
        digammas = float(self.weights @ special.digamma(self.sizes / 2))
        value = math.log(self.width * self.unit) + LN_N + (digammas + math.log(2)) / 2
        return Digits(value, (8 + len(self.sizes)) * EPS * (1 + abs(value)))


def _log_tail(size: Array, chances: Array) -> tuple[Array, Array]:
    """log P(y > size, m > 0) and a bound on its error: every addend is positive."""
    total, lost = np.zeros((2, len(size)))
    for first in (1, 2):
        rest = np.cumsum(chances[first::2][::-1])[::-1]  # P(m >= first), P(m >= first + 2), ...
        if not rest.any():
            continue
        tail, error = _integral(size) if first == 1 else (np.full(len(size), 0.5), 0.0)
        part = rest[0] * tail
        for m, share, density in zip(
            range(first, len(chances), 2), rest[1:], _densities(size, first), strict=False
        ):
            part += (share / m) * (size * density)
        total += part
        lost += part * (error + (10 + len(chances)) * EPS)
    if np.count_nonzero(chances) > 1:
        lost += LEFT_OUT * np.exp(size)
    return np.log(total) - size, lost / total + EPS * size


def _log_density(size: Array, chances: Array) -> tuple[Array, Array]:
    """The log of the density at y != 0, in units of the width, and a bound on its error."""
    total = np.zeros(len(size))
    for first in (1, 2):
        some = chances[first::2]
        if some.any():
            for chance, density in zip(some, _densities(size, first), strict=False):
                if chance:
                    total += chance * density
    lost = LEFT_OUT * np.exp(np.minimum(size, FAR)) / total if np.count_nonzero(chances) > 1 else 0.0
    return np.log(total) - size, lost + EPS * (10 + len(chances) + size)


def _densities(size: Array, first: int) -> Iterator[Array]:
    """exp(u) f_m(u) for m = first, first + 2, ...: f_(m+2) = u^2 f_(m-2) / (m (m-2)) + (m-1) f_m / m."""
    if first == 1:
        size = np.maximum(size, 1e-300)
        before, now = special.k0e(size) / math.pi, size * special.k1e(size) / math.pi
    else:
        before, now = np.full(len(size), 0.5), (1 + size) / 4
    yield before
    square = size * size
    for m in itertools.count(first + 2, 2):
        yield now
        before, now = now, square * before * (1 / (m * (m - 2))) + ((m - 1) / m) * now


def _integral(size: Array) -> tuple[Array, Array]:
    """exp(u) / pi times the integral of K_0 from u on, u up to `FAR`, and a bound on its relative error."""
    value, error = np.empty(len(size)), np.empty(len(size))
    near = size < 0.5
    u = np.maximum(size[near], 1e-300)
    # int_0^u K_0 = u sum_k (u/2)^(2k) / (k!^2 (2k+1)) (1/(2k+1) + 1 + 1/2 + ... + 1/k - gamma - log(u/2)).
    sums = np.zeros((2, len(u)))
    for pair in SERIES:
        sums = sums * (u * u / 4) + pair
    value[near] = np.exp(u) * (0.5 - u * (sums[1] - sums[0] * (np.log(u / 2) + np.euler_gamma)) / math.pi)
    error[near] = 16 * EPS
    # int_u^oo K_0 = int_0^oo exp(-u cosh t) / cosh t dt by the trapezoidal rule: with the strip |Im t| < 1 it
    # is off by less than 8 exp(5.6 - 2 pi / 0.14) of the value for u up to 12.
    grown = np.cosh(np.arange(43) * 0.14)
    weights = np.where(np.arange(43) > 0, 0.14, 0.07) / grown / math.pi
    u = size[~near]
    value[~near] = np.exp(-u[:, None] * (grown - 1)) @ weights
    error[~near] = 8 * EPS * (1 + u)
    return value, error
