"""The normal distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy as sp

from varprop.model.distributions.base import Array, Distribution, Shape, known, raw_from_central, variance_of
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike

__all__ = ["Normal"]


@dataclass(frozen=True, init=False, repr=False)
class Normal(Distribution):
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

    parameters = (
        Parameter("mean", r"\mu", typical=(-2, 2)),
        Parameter("variance", r"\sigma^2", low=0, low_open=True, typical=(0.1, 4)),
    )
    mean: sp.Expr
    variance: sp.Expr

    def __init__(
        self, mean: ScalarLike = 0, variance: ScalarLike | None = None, *, std: ScalarLike | None = None
    ) -> None:
        self._set(mean=mean, variance=variance_of("Normal", variance, std, 1))

    def _moment(self, k: int) -> sp.Expr:
        return raw_from_central(self.mean, self.central_moment, k)

    def _central_moment(self, k: int) -> sp.Expr:
        return sp.Integer(0) if k % 2 else sp.factorial2(k - 1) * self.variance ** (k // 2)

    def _cumulant(self, k: int) -> sp.Expr:
        return self.variance if k == 2 else sp.Integer(0)

    def _positive_part_moment(self, k: int) -> sp.Expr:
        """P_k = mean P_{k-1} + (k-1) variance P_{k-2}, by parts, from P_0 = Phi(mean/std) and P_1."""
        mean, variance = self.mean, self.variance
        std = sp.sqrt(variance)
        of_cdf, of_density = [sp.Integer(1), mean], [sp.Integer(0), std]
        for j in range(2, k + 1):
            for terms in (of_cdf, of_density):
                terms.append(sp.expand(mean * terms[-1] + (j - 1) * variance * terms[-2]))
        cdf = (1 + sp.erf(mean / (std * sp.sqrt(2)))) / 2
        density = sp.exp(-(mean**2) / (2 * variance)) / sp.sqrt(2 * sp.pi)
        return sp.expand(of_cdf[k] * cdf) + of_density[k] * density

    @property
    def symmetric(self) -> bool | None:
        return known(self.mean.is_zero)

    @property
    def atom_at_zero(self) -> bool:
        return False

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return -sp.oo, sp.oo

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        mean, variance = self._numbers()
        return rng.normal(mean, np.sqrt(variance), shape)

    def _latex_name(self) -> str:
        return r"\mathcal{N}"
