"""The uniform distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.errors import ParameterError
from varprop.model.distributions.arguments import variance_of
from varprop.model.distributions.base import Array, Shape, known
from varprop.model.distributions.families import Continuous
from varprop.model.distributions.single import in_single, uniforms
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike, scalar

__all__ = ["Uniform"]


@dataclass(frozen=True, init=False, repr=False)
class Uniform(Continuous):
    """The uniform distribution on [low, high], or the one symmetric about zero with a given variance.

    E X^k = (high^(k+1) - low^(k+1)) / ((k+1) (high - low)), written as a polynomial.

    Args:
        low: the lower end.
        high: the upper end.
        variance: instead of the ends: [-sqrt(3 variance), sqrt(3 variance)].
        std: instead of the variance.

    Raises:
        ParameterError: `low >= high`, or not exactly one of the two ways is used.

    Example:
        >>> Uniform(0, "b").moment(2)
        b**2/3
        >>> Uniform(variance="1/n").support
        (-sqrt(3)/sqrt(n), sqrt(3)/sqrt(n))

    Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2, chapter 26.
    """

    parameters = (
        Parameter("low", "a", typical=(-3, 0.5)),
        Parameter("high", "b", typical=(1, 3)),
    )
    low: sp.Expr
    high: sp.Expr

    def __init__(
        self,
        low: ScalarLike | None = None,
        high: ScalarLike | None = None,
        *,
        variance: ScalarLike | None = None,
        std: ScalarLike | None = None,
    ) -> None:
        if variance is None and std is None:
            if low is None or high is None:
                raise ParameterError("Uniform", "an end is missing", "Give low and high, or variance.")
            self._set(low=low, high=high)
            return
        if low is not None or high is not None:
            raise ParameterError("Uniform", "ends and variance are given", "Give low and high, or variance.")
        domain = Parameter("variance", r"\sigma^2", low=0, low_open=True)
        end = sp.sqrt(3 * domain.validate(variance_of("Uniform", variance, std, None), "Uniform"))
        self._set(low=-end, high=end)

    def _check(self) -> None:
        if (self.high - self.low).is_nonpositive:
            raise ParameterError(str(self), "low is not below high", "Choose low < high.")

    def _moment(self, k: int) -> sp.Expr:
        return sum((self.low**j * self.high ** (k - j) for j in range(k + 1)), sp.Integer(0)) / (k + 1)

    def _central_moment(self, k: int) -> sp.Expr:
        return sp.Integer(0) if k % 2 else ((self.high - self.low) / 2) ** k / (k + 1)

    def _positive_part_moment(self, k: int) -> sp.Expr:
        low, high = sp.Max(self.low, 0), sp.Max(self.high, 0)
        return (high ** (k + 1) - low ** (k + 1)) / ((k + 1) * (self.high - self.low))

    @property
    def symmetric(self) -> bool | None:
        return known((self.low + self.high).is_zero)

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return self.low, self.high

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        low, high = self._numbers()
        return rng.uniform(low, high, shape)

    @property
    def has_single(self) -> bool:
        low, high = self._numbers()
        return in_single(low, high - low)

    def _draw_single(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        if not self.has_single:
            return self.draw(rng, shape)
        low, high = self._numbers()
        drawn = uniforms(rng, math.prod(shape)).reshape(shape)
        drawn *= np.float32(high - low)
        drawn += np.float32(low)
        return drawn

    def _arguments(self) -> dict[str, Any]:
        if self.low == -self.high and not self.high.is_Rational:
            return {"variance": scalar(self.high**2 / 3, "variance")}
        return {"low": self.low, "high": self.high}

    def latex(self) -> str:
        return rf"\mathcal{{U}}\left({sp.latex(self.low)}, {sp.latex(self.high)}\right)"
