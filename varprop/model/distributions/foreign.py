"""Distributions of SciPy and of sympy.stats."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp
from scipy import integrate

from varprop.errors import MomentError, ParameterError, brief
from varprop.model.distributions.base import MAX_ORDER, Array, Distribution, Precision, Shape
from varprop.model.distributions.discrete import Bernoulli, Rademacher
from varprop.model.distributions.gaussian import Normal
from varprop.model.distributions.tails import Exponential, Laplace, LogNormal, StudentT
from varprop.model.distributions.uniform import Uniform

__all__ = ["FrozenScipy", "from_sympy_stats", "is_frozen_scipy", "is_sympy_stats"]


@dataclass(frozen=True, init=False, repr=False)
class FrozenScipy(Distribution):
    """A frozen distribution of `scipy.stats`; its moments are numeric, each with an error estimate.

    Args:
        frozen: such as `scipy.stats.gamma(2)`.

    Raises:
        ParameterError: not a frozen univariate distribution.

    Example:
        >>> from scipy import stats
        >>> gamma = FrozenScipy(stats.gamma(2))
        >>> gamma.precision, abs(gamma.moment(2) - 6) <= gamma.moment_error(2)
        ('estimate', True)

    Source: Piessens et al., QUADPACK, 1983 (the quadrature and its error estimate).
    """

    key: tuple[Any, ...]
    frozen: Any = field(compare=False)

    def __init__(self, frozen: object) -> None:
        if not is_frozen_scipy(frozen):
            missing = f"{type(frozen).__name__} is not a frozen distribution"
            raise ParameterError(
                f"FrozenScipy({brief(frozen)})", missing, "Write scipy.stats.gamma(2), for example."
            )
        law: Any = frozen
        object.__setattr__(self, "frozen", law)
        keywords = tuple(sorted((name, _plain(value)) for name, value in law.kwds.items()))
        object.__setattr__(self, "key", (_name(law.dist), tuple(map(_plain, law.args)), keywords))
        if not all(math.isfinite(end) or end in (-math.inf, math.inf) for end in law.support()):
            raise ParameterError(str(self), "its parameters are outside their domain", "Correct them.")

    def _moment(self, k: int) -> sp.Expr:
        return sp.Float(_expectation(self, k, -math.inf)[0])

    def _central_moment(self, k: int) -> sp.Expr:
        return sp.Float(_central(self, k)[0])

    def moment_error(self, k: int, central: bool = False) -> float:
        """The error estimate of `moment(k)`, or of `central_moment(k)`."""
        self.moment(k)
        if k == 0:
            return 0.0
        return _central(self, k)[1] if central else _expectation(self, k, -math.inf)[1]

    def moment_exists(self, k: int) -> bool | None:
        """Whether the tails and SciPy's own moment are finite; None for orders that are not computed."""
        if k > MAX_ORDER:
            return None
        if k >= _tail_index(self):
            return False
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return k == 0 or bool(np.isfinite(self.frozen.moment(k)))

    def why_no_moment(self, k: int) -> tuple[str, str]:
        if k <= MAX_ORDER:
            return super().why_no_moment(k)
        return f"no moment of order above {MAX_ORDER} is computed", "Use a distribution with a formula."

    def _positive_part_moment(self, k: int) -> sp.Expr:
        return sp.Float(_expectation(self, k, 0.0)[0])

    def _positive_probability(self) -> sp.Expr:
        return sp.Float(float(self.frozen.sf(0)))

    def _negative_probability(self) -> sp.Expr:
        return sp.Float(1 - float(self.frozen.sf(0)) - float(self.frozen.pmf(0)))

    @property
    def atomless(self) -> bool:
        return not hasattr(self.frozen.dist, "pmf")

    @property
    def symmetric(self) -> bool | None:
        """Never claimed: a symmetry is not read off numbers."""
        return None

    @property
    def atom_at_zero(self) -> bool | None:
        return bool(self.frozen.pmf(0) > 0) if hasattr(self.frozen.dist, "pmf") else False

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        low, high = (sp.nsimplify(end, rational=True) if np.isfinite(end) else sp.oo for end in self._ends)
        return (low if np.isfinite(self._ends[0]) else -sp.oo), high

    @property
    def _ends(self) -> tuple[float, float]:
        low, high = self.frozen.support()
        return float(low), float(high)

    @property
    def precision(self) -> Precision:
        return "estimate"

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        return np.asarray(self.frozen.rvs(size=shape, random_state=rng), dtype=np.float64)

    def _arguments(self) -> dict[str, Any]:
        return {"frozen": self.frozen}

    def __str__(self) -> str:
        name, args, keywords = self.key
        shown = [*map(str, args), *(f"{keyword}={value}" for keyword, value in keywords)]
        return f"scipy.stats.{name}({', '.join(shown)})"

    def latex(self) -> str:
        """A formula for reports."""
        return rf"\operatorname{{{self.key[0]}}}({', '.join(map(str, self.key[1]))})"


@lru_cache(maxsize=1024)
def _tail_index(law: FrozenScipy) -> float:
    """The a of a tail P(|X| > x) ~ x^-a: no moment of order a exists, whatever a formula for it continues to.

    It is read off quantiles on both sides; infinite where the far ones and the farthest ones do not agree.
    """
    found = [math.inf]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for quantile in (law.frozen.isf, law.frozen.ppf):
            x = np.log(np.abs([float(quantile(10.0**-digits)) for digits in (40, 50, 80, 100)]))
            far, farthest = (math.log(10) * np.array([10, 20])) / (x[1::2] - x[::2])
            if far > 0 and abs(far - farthest) < 1e-6 * far:
                found.append(float(far) * (1 - 1e-6))
    return min(found)


@lru_cache(maxsize=1024)
def _central(law: FrozenScipy, k: int) -> tuple[float, float]:
    """E (X - E X)^k with an error estimate: SciPy's own value up to k = 4, held against quadrature."""
    value, error = _expectation(law, k, -math.inf, float(law.moment(1)))
    if 2 <= k <= 4:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            _, variance, skewness, excess = (float(number) for number in law.frozen.stats("mvsk"))
        theirs = (variance, skewness * variance**1.5, (excess + 3) * variance**2)[k - 2]
        if math.isfinite(theirs):
            return theirs, max(error, abs(value - theirs))
    return value, error


@lru_cache(maxsize=1024)
def _expectation(law: FrozenScipy, k: int, start: float, center: float = 0.0) -> tuple[float, float]:
    """E (X - center)^k 1{X > start} with an error estimate, by a sum or by quadrature between quantiles."""
    low, high = law._ends
    if start >= high:
        return 0.0, 0.0
    low = max(low, start)
    frozen = law.frozen
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hasattr(frozen.dist, "pmf"):
            value = float(
                frozen.expect(lambda x: (np.asarray(x, dtype=np.float64) - center) ** k, lb=low, ub=high)
            )
            error = 1e-9 * (1 + abs(value))
        else:
            inner = [float(frozen.ppf(q)) for q in (1e-6, 0.01, 0.25, 0.5, 0.75, 0.99, 1 - 1e-6)]
            ends = [low, *(x for x in inner if low < x < high), high]
            parts = [
                integrate.quad(lambda x: (x - center) ** k * frozen.pdf(x), a, b, limit=200)
                for a, b in pairwise(ends)
            ]
            value, error = (math.fsum(column) for column in zip(*parts, strict=True))
        if start == -math.inf and center == 0:
            error = max(error, abs(value - float(frozen.moment(k))))
    if not math.isfinite(value) or error > 1e-3 * (1 + abs(value)):
        raise MomentError(
            f"E X^{k} of {law}", "quadrature did not converge", "Use a distribution with a formula."
        )
    return value, error


def _name(dist: Any) -> str:
    """What tells two families apart: the name, and the object itself where a user or a histogram made it."""
    standard = type(dist).__module__.startswith("scipy.stats") and not hasattr(dist, "_histogram")
    return str(dist.name) if standard else f"{dist.name}_{id(dist)}"


def is_frozen_scipy(value: object) -> bool:
    """Whether `value` is a frozen univariate distribution of scipy.stats, told without importing it."""
    names = {cls.__name__ for cls in type(value).__mro__ if str(cls.__module__).startswith("scipy.stats")}
    return "rv_frozen" in names


def is_sympy_stats(value: object) -> bool:
    """Whether `value` is a random symbol of sympy.stats, told without importing it."""
    names = {cls.__name__ for cls in type(value).__mro__ if str(cls.__module__).startswith("sympy.stats")}
    return "RandomSymbol" in names


def _bernoulli(p: sp.Expr, one: sp.Expr, zero: sp.Expr) -> Distribution:
    if (one, zero) != (1, 0):
        raise ParameterError(
            f"Bernoulli on {one} and {zero}", "only 1 and 0 are translated", "Scale Bernoulli(p)."
        )
    return Bernoulli(p)


_TABLE: Mapping[str, Callable[..., Distribution]] = {
    "NormalDistribution": lambda mean, std: Normal(mean=mean, std=std),
    "UniformDistribution": Uniform,
    "ExponentialDistribution": lambda rate: Exponential(mean=1 / rate),
    "LaplaceDistribution": lambda mean, b: Laplace(mean=mean, variance=2 * b**2),
    "LogNormalDistribution": lambda mean, std: LogNormal(log_mean=mean, log_std=std),
    "StudentTDistribution": StudentT,
    "BernoulliDistribution": _bernoulli,
    "RademacherDistribution": Rademacher,
}


def from_sympy_stats(value: object) -> Distribution:
    """The distribution of a random symbol of sympy.stats, by its name from a table.

    Args:
        value: such as `sympy.stats.Normal("x", 0, 1)`.

    Raises:
        ParameterError: its distribution is not in the table.

    Example:
        >>> from sympy import stats
        >>> from_sympy_stats(stats.Exponential("x", 2))
        Exponential(mean=1/2)
    """
    law: Any = getattr(getattr(value, "pspace", None), "distribution", None)
    name = type(law).__name__
    if name not in _TABLE:
        known = ", ".join(entry.removesuffix("Distribution") for entry in _TABLE)
        raise ParameterError(f"sympy.stats symbol {value}", f"{name} is not translated", f"Known: {known}.")
    return _TABLE[name](*law.args)


def _plain(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ParameterError(
            f"FrozenScipy parameter {brief(value, 60)}", "not one number", "Freeze scalars."
        ) from None
