"""The normal distribution, whole and truncated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import special

from varprop.errors import ParameterError
from varprop.model.distributions.arguments import variance_of
from varprop.model.distributions.base import Array, Shape
from varprop.model.distributions.families import AroundMean, Continuous
from varprop.model.distributions.single import in_single, normals
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike

__all__ = ["Normal", "TruncatedNormal"]


@dataclass(frozen=True, init=False, repr=False)
class Normal(AroundMean):
    r"""The normal distribution, density exp(-(x - mean)^2 / (2 variance)) / sqrt(2 pi variance).

    Args:
        mean: the mean.
        variance: the variance; 1 if neither it nor `std` is given.
        std: the standard deviation, instead of the variance.

    Raises:
        ParameterError: the variance is not positive, or both `variance` and `std` are given.

    Example:
        >>> Normal(variance="1/n").moment(4)
        3/n**2
        >>> Normal(mean=1, std=2).positive_part_moment(1)
        erf(sqrt(2)/4)/2 + 1/2 + sqrt(2)*exp(-1/8)/sqrt(pi)

    Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1, chapter 13.
    """

    def _central_moment(self, k: int) -> sp.Expr:
        return sp.Integer(0) if k % 2 else sp.factorial2(k - 1) * self.variance ** (k // 2)

    def _cumulant(self, k: int) -> sp.Expr:
        return self.variance if k == 2 else sp.Integer(0)

    def _positive_part_moment(self, k: int) -> sp.Expr:
        return normal_moment_between(self.mean, self.variance, sp.Integer(0), sp.oo, k)

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        mean, variance = self._numbers()
        return rng.normal(mean, np.sqrt(variance), shape)

    @property
    def has_single(self) -> bool:
        mean, variance = self._numbers()
        return in_single(mean, math.sqrt(variance))

    def _draw_single(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        if not self.has_single:
            return self.draw(rng, shape)
        mean, variance = self._numbers()
        return normals(rng, math.prod(shape), mean, math.sqrt(variance)).reshape(shape)

    def _latex_name(self) -> str:
        return r"\mathcal{N}"


@dataclass(frozen=True, init=False, repr=False)
class TruncatedNormal(Continuous):
    """A normal variable on the condition that it lies in [low, high].

    Args:
        low: the lower end; None for no bound.
        high: the upper end; None for no bound.
        parent_mean: the mean before truncation.
        parent_variance: the variance before truncation; 1 if neither it nor `parent_std` is given.
        parent_std: the standard deviation before truncation.

    Raises:
        ParameterError: `low >= high`, or a parameter outside its domain.

    Example:
        >>> TruncatedNormal(-2, 2).moment(3)
        0
        >>> TruncatedNormal(low=0).mean
        sqrt(2)/sqrt(pi)

    Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1, section 13.10.
    """

    parameters = (
        Parameter("low", "a", high_open=True, infinite=True, typical=(-3, 0.5)),
        Parameter("high", "b", low_open=True, infinite=True, typical=(1, 3)),
        Parameter("parent_mean", r"\mu", typical=(-1, 1)),
        Parameter("parent_variance", r"\sigma^2", low=0, low_open=True, typical=(0.3, 4)),
    )
    low: sp.Expr
    high: sp.Expr
    parent_mean: sp.Expr
    parent_variance: sp.Expr

    def __init__(
        self,
        low: ScalarLike | None = None,
        high: ScalarLike | None = None,
        parent_mean: ScalarLike = 0,
        parent_variance: ScalarLike | None = None,
        *,
        parent_std: ScalarLike | None = None,
    ) -> None:
        self._set(
            low=-sp.oo if low is None else low,
            high=sp.oo if high is None else high,
            parent_mean=parent_mean,
            parent_variance=variance_of("TruncatedNormal", parent_variance, parent_std, 1, "parent_"),
        )

    def _check(self) -> None:
        if (self.high - self.low).is_nonpositive:
            raise ParameterError(str(self), "low is not below high", "Choose low < high.")

    def _moment(self, k: int) -> sp.Expr:
        return self._between(self.low, self.high, k) / self._between(self.low, self.high, 0)

    def _positive_part_moment(self, k: int) -> sp.Expr:
        above = self._between(sp.Max(self.low, 0), sp.Max(self.high, 0), k)
        return above / self._between(self.low, self.high, 0)

    def _between(self, low: sp.Expr, high: sp.Expr, k: int) -> sp.Expr:
        """E X^k 1{low < X < high} before truncation; in units of its std, in which long parameters cancel."""
        std = sp.sqrt(self.parent_variance)
        return std**k * normal_moment_between(self.parent_mean / std, sp.S.One, low / std, high / std, k)

    @property
    def symmetric(self) -> bool | None:
        if self.parent_mean.is_zero:
            return self.low == -self.high or (False if (self.low + self.high).is_nonzero else None)
        return False if self.parent_mean.is_nonzero else None

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return self.low, self.high

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        low, high, mean, variance = self._numbers()
        std = np.sqrt(variance)
        alpha, beta = (low - mean) / std, (high - mean) / std
        side = -1.0 if alpha > 0 else 1.0
        alpha, beta = (-beta, -alpha) if alpha > 0 else (alpha, beta)
        uniform = rng.uniform(size=shape)
        with np.errstate(divide="ignore"):
            log_cdf = np.logaddexp(
                np.log1p(-uniform) + special.log_ndtr(alpha), np.log(uniform) + special.log_ndtr(beta)
            )
        samples: Array = np.clip(mean + side * std * special.ndtri_exp(log_cdf), low, high)
        return samples

    def _arguments(self) -> dict[str, Any]:
        arguments = super()._arguments()
        return {name: value if value.is_finite is not False else None for name, value in arguments.items()}

    def latex(self) -> str:
        r"""A formula such as `\mathcal{N}(0, 1 \mid [-2, 2])`."""
        mean, variance, low, high = map(
            sp.latex, (self.parent_mean, self.parent_variance, self.low, self.high)
        )
        return rf"\mathcal{{N}}\left({mean}, {variance} \mid \left[{low}, {high}\right]\right)"


def normal_moment_between(mean: sp.Expr, variance: sp.Expr, low: sp.Expr, high: sp.Expr, k: int) -> sp.Expr:
    """E X^k 1{low < X < high} of a normal X, by the recursion that integration by parts gives.

    M_k = mean M_(k-1) + (k-1) variance M_(k-2) - std (high^(k-1) phi(high) - low^(k-1) phi(low)), from
    M_0 = Phi(high) - Phi(low), with phi and Phi of the standardized ends.

    Example:
        >>> normal_moment_between(sp.Integer(0), sp.Symbol("v", positive=True), sp.Integer(0), sp.oo, 2)
        v/2

    Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1, section 13.10.
    """
    std = sp.sqrt(variance)
    share = _normal_share(low - mean, high - mean, std)
    total = sp.expand(_factor(mean, variance, None, k) * share)
    for sign, end in ((-1, high), (1, low)):
        if end.is_finite is not False:
            density = sp.exp(-((end - mean) ** 2) / (2 * variance)) / sp.sqrt(2 * sp.pi)
            total += sign * std * density * _factor(mean, variance, end, k)
    return total


def _normal_share(low: sp.Expr, high: sp.Expr, std: sp.Expr) -> sp.Expr:
    """P(low < X < high) of a centered normal X; in a tail by erfc, which keeps all digits there."""
    if low.is_number and low.is_extended_positive:
        return (sp.erfc(low / (std * sp.sqrt(2))) - sp.erfc(high / (std * sp.sqrt(2)))) / 2
    if high.is_number and high.is_extended_negative:
        return _normal_share(-high, -low, std)
    return _normal_cdf(high, std) - _normal_cdf(low, std)


def _normal_cdf(end: sp.Expr, std: sp.Expr) -> sp.Expr:
    if end.is_finite is False:
        return sp.Integer(1 if end == sp.oo else 0)
    return (1 + sp.erf(end / (std * sp.sqrt(2)))) / 2


def _factor(mean: sp.Expr, variance: sp.Expr, end: sp.Expr | None, k: int) -> sp.Expr:
    """The polynomial in front of Phi (`end` is None), or of phi at a finite end, in the recursion."""
    of = [sp.Integer(1 if end is None else 0)]
    for j in range(1, k + 1):
        before = (j - 1) * variance * of[j - 2] if j > 1 else 0
        boundary = 0 if end is None else end ** (j - 1)
        of.append(sp.expand(mean * of[j - 1] + before + boundary))
    return of[k]
