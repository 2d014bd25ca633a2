"""What families of distributions share: having a density; being given by mean and variance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import sympy as sp

from varprop.model.distributions.arguments import variance_of
from varprop.model.distributions.base import Distribution, known
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike

__all__ = ["AroundMean", "Continuous", "raw_from_central"]


def raw_from_central(mean: sp.Expr, central: Callable[[int], sp.Expr], k: int) -> sp.Expr:
    """E X^k = sum_j C(k, j) mean^(k-j) E (X - mean)^j.

    Example:
        >>> raw_from_central(sp.Integer(2), lambda j: sp.Integer(1 - j % 2), 2)
        5
    """
    return sum((comb(k, j) * mean ** (k - j) * central(j) for j in range(k + 1)), sp.Integer(0))


class Continuous(Distribution):
    """A distribution with a density: no single value has positive probability."""

    @property
    def atomless(self) -> bool:
        return True

    @property
    def atom_at_zero(self) -> bool:
        return False


@dataclass(frozen=True, init=False, repr=False)
class AroundMean(Continuous):
    """A density on the whole line, symmetric about its mean, of any mean and variance."""

    parameters = (
        Parameter("mean", r"\mu", typical=(-2, 2)),
        Parameter("variance", r"\sigma^2", low=0, low_open=True, typical=(0.1, 4)),
    )
    mean: sp.Expr
    variance: sp.Expr

    def __init__(
        self, mean: ScalarLike = 0, variance: ScalarLike | None = None, *, std: ScalarLike | None = None
    ) -> None:
        self._set(mean=mean, variance=variance_of(type(self).__name__, variance, std, 1))

    def _moment(self, k: int) -> sp.Expr:
        return raw_from_central(self.mean, self.central_moment, k)

    @property
    def symmetric(self) -> bool | None:
        return known(self.mean.is_zero)

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return -sp.oo, sp.oo
