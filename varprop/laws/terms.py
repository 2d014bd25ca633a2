"""Independent addends of a result: normal weight times an input, each with its moment generating function.

Given the input x, a term w x with w ~ N(m, v) is normal, so E exp(s w x) = E exp(s m x + s^2 v x^2 / 2): an
average over x of the exponential of a quadratic, known in closed form for some inputs.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from varprop.laws.inputs import Inputs, Precise
from varprop.numerics.inversion import Transform

__all__ = [
    "NormalTerm",
    "ProductTerm",
    "Term",
    "WeightedTerm",
    "transform_of",
]

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

ORDERS = 24
NEAR = 0.15
"""Below this, in units of the growth of its moments, a term's transform is summed from its moments."""


class Term(ABC):
    """One addend: moment generating function, mean, variance, P(term = 0)."""

    atom = 0.0
    moving = 1.0
    """P(term != 0)."""
    symmetric = False
    """Whether the term and its negative have one law."""
    decay = math.inf
    """The power of 1/|t| with which the characteristic function falls, beside the atom."""

    @abstractmethod
    def beside(self, s: Complex) -> Precise:
        """log E exp(s X) over X != 0, up to multiples of 2 pi i, and its error in rounding units.

        One unit of the value itself is not counted.
        """

    def log_mgf(self, s: Complex) -> Precise:
        """log E exp(s X), up to multiples of 2 pi i, and its error in rounding units."""
        return self.beside(s)

    @abstractmethod
    def scaled(self, factor: float) -> Term:
        """The term times a positive or negative number."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """E X."""

    @property
    @abstractmethod
    def variance(self) -> float:
        """Var X."""

    @property
    def reach(self) -> float:
        """E exp(s X) is finite for |Re s| below this."""
        return math.inf


@dataclass(frozen=True)
class NormalTerm(Term):
    """A normal variable."""

    mean: float = 0.0
    variance: float = 1.0

    @property
    def symmetric(self) -> bool:  # type: ignore[override]
        return self.mean == 0

    def beside(self, s: Complex) -> Precise:
        return s * self.mean + s * s * (self.variance / 2), np.zeros(s.shape)

    def scaled(self, factor: float) -> NormalTerm:
        return NormalTerm(self.mean * factor, self.variance * factor * factor)


@dataclass(frozen=True)
class ProductTerm(Term):
    """w x of two independent normal variables; a = E w E x, p = std w std x, q^2 = the rest of the variance.

    E exp(s w x) = exp((s a + s^2 q^2 / 2) / (1 - s^2 p^2)) / sqrt(1 - s^2 p^2).

    Source: Craig, On the frequency function of xy, 1936.
    """

    a: float
    p: float
    q: float
    decay = 1.0

    def beside(self, s: Complex) -> Precise:
        square = (s * self.p) ** 2
        value: Complex = -0.5 * special.log1p(-square)
        if self.a or self.q:
            value = value + (s * self.a + (s * self.q) ** 2 / 2) / (1 - square)
        return value, np.zeros(s.shape)

    def scaled(self, factor: float) -> ProductTerm:
        return ProductTerm(self.a * factor, self.p * abs(factor), self.q * abs(factor))

    @property
    def mean(self) -> float:
        return self.a

    @property
    def symmetric(self) -> bool:  # type: ignore[override]
        """A centered factor makes the product symmetric; a = 0 says that there is one."""
        return self.a == 0

    @property
    def variance(self) -> float:
        return self.p**2 + self.q**2

    @property
    def reach(self) -> float:
        return 1 / self.p


@dataclass(frozen=True)
class WeightedTerm(Term):
    """w x with w ~ N(w_mean, w_std^2) and an input x."""

    w_mean: float
    w_std: float
    inputs: Inputs

    def scaled(self, factor: float) -> WeightedTerm:
        return WeightedTerm(self.w_mean * factor, self.w_std * abs(factor), self.inputs)

    @property
    def atom(self) -> float:  # type: ignore[override]
        return self.inputs.atom

    @property
    def moving(self) -> float:  # type: ignore[override]
        return self.inputs.moving

    @property
    def decay(self) -> float:  # type: ignore[override]
        return self.inputs.decay

    @property
    def symmetric(self) -> bool:  # type: ignore[override]
        return self.w_mean == 0

    @property
    def reach(self) -> float:
        return 1 / (self.w_std * self.inputs.widest) if self.inputs.widest else math.inf

    @cached_property
    def _moments(self) -> Array:
        """E (w x)^k given x != 0, for k from 1 on."""
        weights = [1.0, self.w_mean]
        for k in range(2, ORDERS + 1):
            weights.append(self.w_mean * weights[-1] + (k - 1) * self.w_std**2 * weights[-2])
        moments: Array = np.array(weights[1:]) * self.inputs.moments(ORDERS)[1:] / self.moving
        return moments

    @cached_property
    def _series(self) -> tuple[Array, float]:
        """The coefficients of E exp(s X) - 1 in s growth, given X != 0, and the growth of the moments."""
        orders = np.arange(1, ORDERS + 1)
        logs = special.gammaln(orders + 1)
        with np.errstate(divide="ignore"):
            sizes = (np.log(np.abs(self._moments)) - logs) / orders
        growth = math.exp(float(sizes.max()))
        series = self._moments * np.exp(-logs - orders * math.log(growth))
        return series, growth

    @cached_property
    def _mean_and_variance(self) -> tuple[float, float]:
        """E w x = E w E x, and E (w x)^2 - (E w x)^2."""
        _, first, second = self.inputs.moments(2)
        mean = float(self.w_mean * first)
        return mean, float((self.w_mean**2 + self.w_std**2) * second - mean**2)

    @property
    def mean(self) -> float:
        return self._mean_and_variance[0]

    @property
    def variance(self) -> float:
        return self._mean_and_variance[1]

    def beside(self, s: Complex) -> Precise:
        return self._log(s, 0.0)

    def log_mgf(self, s: Complex) -> Precise:
        return self._log(s, self.atom)

    def _log(self, s: Complex, atom: float) -> Precise:
        """With or without the atom."""
        coefficients, growth = self._series
        value, noise = np.empty(s.shape, dtype=np.complex128), np.zeros(s.shape)
        near = np.abs(s) * growth <= NEAR
        small, moving = s[near] * growth, self.moving
        powers = np.multiply.accumulate(np.broadcast_to(small, (ORDERS, len(small))), axis=0)
        average = np.einsum("i,ij->j", coefficients, powers)
        value[near] = special.log1p(moving * average) if atom else special.log1p(average) + math.log(moving)
        if not near.all():
            with np.errstate(all="ignore"):
                rest, lost = self.inputs.log_average(s[~near], self.w_mean, self.w_std)
                if atom:
                    rest, lost = _joined(rest - math.log(atom), lost)
                    rest = rest + math.log(atom)
            value[~near], noise[~near] = rest, lost
        return value, noise


def _joined(ratio: Complex, noise: Array) -> Precise:
    """log(1 + exp(ratio)) and its error: the transform with an atom, over the atom."""
    with np.errstate(all="ignore"):
        large = ratio.real > 30
        part = np.exp(np.where(large, -ratio, ratio))
        value = special.log1p(part) + np.where(large, ratio, 0.0)
        share = np.where(large, 1.0, np.abs(part)) / np.abs(1 + part)
    return value, (noise + 4) * share


def transform_of(parts: Sequence[tuple[int, Term]]) -> Transform:
    """The transform of a sum of independent terms, each so many times, scaled to variance 1 by the caller.

    If all terms have an atom at 0, so has the sum, and the transform is that of the rest: with g_i the
    average of exp(s X_i) over X_i != 0 it is prod p_i^n_i (prod (1 + g_i / p_i)^n_i - 1), without loss.
    """
    parts = tuple(parts)
    atoms = [count * math.log1p(-term.moving) if term.atom else -math.inf for count, term in parts]
    log_atom = math.fsum(atoms) if -math.inf not in atoms else -math.inf

    def log_mgf(s: Complex) -> Precise:
        if len(parts) == 1 and parts[0][0] == 1:
            return parts[0][1].beside(s)
        total, lost = np.zeros(np.shape(s), dtype=np.complex128), np.zeros(np.shape(s))
        for count, term in parts:
            value, noise = term.log_mgf(s)
            total, lost = total + count * value, lost + count * noise
        if log_atom == -math.inf:
            return total, lost
        over, slight = np.zeros(np.shape(s), dtype=np.complex128), np.zeros(np.shape(s))
        for count, term in parts:
            value, noise = term.beside(s)
            value, noise = _joined(value - math.log(term.atom), noise)
            over, slight = over + count * value, slight + count * (noise + np.abs(value))
        with np.errstate(all="ignore"):
            far = over.real > 30  # the atoms are nothing beside the rest
            grown = special.expm1(np.where(far, 0.0, over))
            rest = np.where(far, total + special.log1p(-np.exp(-over)), log_atom + np.log(grown))
            return rest, np.where(far, lost, slight * np.abs(1 + grown) / np.abs(grown))

    reach = min(term.reach for _, term in parts)
    mean = math.fsum(count * term.mean for count, term in parts)
    variance = math.fsum(count * term.variance for count, term in parts)
    std = math.sqrt(variance / -math.expm1(log_atom))
    symmetric = all(term.symmetric for _, term in parts)
    return Transform(log_mgf, -reach, reach, mean, std, log_atom, symmetric=symmetric)
