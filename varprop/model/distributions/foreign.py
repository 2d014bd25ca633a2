"""Distributions of SciPy and of sympy.stats."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp
from scipy import integrate

from varprop.errors import MomentError, ParameterError, brief
from varprop.model.distributions.base import Array, Distribution, Precision, Shape
from varprop.model.distributions.discrete import Bernoulli, Rademacher
from varprop.model.distributions.gaussian import Normal
from varprop.model.distributions.orders import MAX_ORDER
from varprop.model.distributions.tails import Exponential, Laplace, LogNormal, StudentT
from varprop.model.distributions.uniform import Uniform

__all__ = ["FrozenScipy", "from_sympy_stats", "is_frozen_scipy", "is_sympy_stats"]


FIRST_VALUES = 1024
MOST_VALUES = 2**18
"""Values of a discrete distribution that are summed, on either side of its median."""


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
        keywords: tuple[Any, ...] = tuple(sorted((name, _plain(value)) for name, value in law.kwds.items()))
        if hasattr(law.dist, "xk"):  # any finite set of values
            values = tuple(tuple(map(_plain, np.ravel(part))) for part in (law.dist.xk, law.dist.pk))
            keywords = (*keywords, ("values", values))
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
        if k >= _tail_index(self) or (k and self._is_on_a_circle):
            return False
        return k == 0 or math.isfinite(_their_moment(self, k))

    @property
    def _is_on_a_circle(self) -> bool:
        """Whether the density repeats along the line, so that no integral over the line ends."""
        return bool(self.key[0] == "vonmises")

    def why_no_moment(self, k: int) -> tuple[str, str]:
        if self._is_on_a_circle:
            return "it is a law on a circle", "Use scipy.stats.vonmises_line."
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

    It is read off quantiles on both sides, or off the probabilities of far values where quantiles are sums;
    infinite where the far ones and the farthest ones do not agree.
    """
    found = [math.inf]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for far, farthest in _tail_slopes(law):
            if far > 0 and abs(far - farthest) < 1e-6 * far:
                found.append(float(far) * (1 - 1e-6))
    return min(found)


def _tail_slopes(law: FrozenScipy) -> Iterator[Array]:
    """The slope of -log P(|X| > x) against log x, far out and farther out, for each tail."""
    if hasattr(law.frozen.dist, "pmf"):
        distances = 2.0 ** np.array([30, 40, 50])
        for sign, end in zip((-1, 1), law._ends, strict=True):
            if math.isinf(end):
                logs = law.frozen.logpmf(float(law.frozen.ppf(0.5)) + sign * distances)
                yield -np.diff(logs) / (10 * math.log(2)) - 1
        return
    for quantile in (law.frozen.isf, law.frozen.ppf):
        x = np.log(np.abs([_found(quantile, 10.0**-digits) for digits in (40, 50, 80, 100)]))
        yield (math.log(10) * np.array([10, 20])) / (x[1::2] - x[::2])


def _found(quantile: Callable[[float], Any], q: float) -> float:
    """A quantile, or nan where SciPy looks for it and does not find it."""
    try:
        return float(quantile(q))
    except (ValueError, ArithmeticError, RuntimeError):
        return math.nan


@lru_cache(maxsize=1024)
def _their_moment(law: FrozenScipy, k: int) -> float:
    """SciPy's own E X^k, which may take a second."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return float(law.frozen.moment(k))


@lru_cache(maxsize=1024)
def _central(law: FrozenScipy, k: int) -> tuple[float, float]:
    """E (X - E X)^k with an error estimate: SciPy's own value up to k = 4, held against quadrature."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        mean, variance, skewness, excess = (float(number) for number in law.frozen.stats("mvsk"))
    center = float(law.moment(1))
    value, error = _expectation(law, k, -math.inf, mean if math.isfinite(mean) else center)
    theirs = {2: variance, 3: skewness * variance**1.5, 4: (excess + 3) * variance**2}.get(k, math.nan)
    return (theirs, max(error, abs(value - theirs))) if math.isfinite(theirs) else (value, error)


@lru_cache(maxsize=1024)
def _expectation(law: FrozenScipy, k: int, start: float, center: float = 0.0) -> tuple[float, float]:
    """E (X - center)^k 1{X > start} with an error estimate, by a sum or by quadrature in units of X."""
    low, high = law._ends
    discrete = hasattr(law.frozen.dist, "pmf")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        lower, middle, upper = (_found(law.frozen.ppf, q) for q in (0.01, 0.5, 0.99))
        unit = max(upper - lower, abs(middle - center))
        unit = unit if 0 < unit < math.inf else 1.0
        ends = max(low, start), high

        def power(x: Any) -> Any:
            return np.divide(x - center, unit) ** k  # what is too large for a float is inf

        value, error = _sum(law, power, ends) if discrete else _integral(law, power, ends)
        factor = float(np.float64(unit) ** k)
        number, error = value * factor, error * factor
        if start == -math.inf and center == 0 and not (discrete and k > 4):  # SciPy's own sums end early
            error = max(error, abs(number - _their_moment(law, k)))
    if not (math.isfinite(number) and error <= 1e-3 * (factor + abs(number))):
        raise MomentError(
            f"E X^{k} of {law}", "its sum or integral did not converge", "Use a distribution with a formula."
        )
    if number == 0 != value:
        raise MomentError(f"E X^{k} of {law}", "it is below the range of float64", "Rescale it.")
    return number, error


def _integral(
    law: FrozenScipy, function: Callable[[Any], Any], ends: tuple[float, float]
) -> tuple[float, float]:
    """E f(X) between two ends with an error estimate, by quadrature between quantiles."""
    low, high = ends
    tried = (_found(law.frozen.ppf, q) for q in (1e-6, 0.01, 0.25, 0.5, 0.75, 0.99, 1 - 1e-6))
    inner = [x for x in tried if math.isfinite(x)]

    def density(x: float) -> Any:
        return function(x) * law.frozen.pdf(x)

    def piece(a: float, b: float) -> tuple[float, float]:
        if math.isfinite(b - a):
            return integrate.quad(density, a, b, limit=200)[:2]  # type: ignore[no-any-return]
        # Quadrature to infinity looks at t around 1: steps are as wide as the last quantiles are apart.
        origin, step = (a, inner[-1] - inner[-2]) if math.isfinite(a) else (b, inner[0] - inner[1])
        return integrate.quad(  # type: ignore[no-any-return]
            lambda t: abs(step) * density(origin + step * t), 0, math.inf, limit=200
        )[:2]

    parts = [piece(a, b) for a, b in pairwise([low, *(x for x in inner if low < x < high), high])]
    value, error = (math.fsum(column) for column in zip(*parts, strict=True))
    return value, error


def _sum(law: FrozenScipy, function: Callable[[Any], Any], ends: tuple[float, float]) -> tuple[float, float]:
    """E f(X) of a discrete law between two ends with an error estimate, summed from the median outward."""
    frozen, (low, high) = law.frozen, ends
    if hasattr(frozen.dist, "xk"):  # any finite set of values
        value = float(frozen.expect(function, lb=low, ub=high))
        return value, 1e-9 * (1 + abs(value))
    first = float(frozen.ppf(0.5))
    if first < low:
        first += math.ceil(low - first)
    value, error = 0.0, 0.0
    for begin, step, end in ((first, 1.0, high), (first - 1, -1.0, low)):
        size, last = FIRST_VALUES, math.inf
        while (end - begin) * step >= 0:
            x = begin + step * np.arange(min(size, abs(end - begin) + 1))
            terms = function(x) * frozen.pmf(x)
            value += float(terms.sum())
            before, last = last, float(np.abs(terms).sum())
            begin, size = begin + step * size, 2 * size
            if last <= 1e-16 * abs(value) and float(frozen.pmf(x[-1])) < 1e-16:
                break
            if size > MOST_VALUES:  # twice what remains of a power tail that shrinks by one factor each time
                error += 2 * last / (before / last - 1) if last < before else math.inf
                break
    return value, error + 1e-9 * (1 + abs(value))


def _name(dist: Any) -> str:
    """What tells two families apart: the name, and the object itself where a user or a histogram made it."""
    standard = type(dist).__module__.startswith("scipy.stats") and not hasattr(dist, "_histogram")
    if hasattr(dist, "xk"):
        return "rv_discrete"
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
