"""Positively homogeneous activations: the ReLU family, |x|, the step, the identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.model.activations.base import Activation, Array, X, is_argument
from varprop.model.calls import explained
from varprop.model.decimals import short, within_floats
from varprop.model.distributions import Distribution
from varprop.model.domains import Parameter
from varprop.model.expressions import Expression
from varprop.model.sizes import substitute

__all__ = ["HomogeneousActivation", "abs_", "identity", "leaky_relu", "prelu", "relu", "relu2", "step"]


@dataclass(frozen=True)
class HomogeneousActivation(Activation):
    """A positively homogeneous activation: a x^d for x > 0, b |x|^d for x < 0, and 0 at 0.

    ReLU is (1, 0, 1), leaky ReLU (1, -slope, 1), |x| (1, 1, 1), the step (1, 0, 0), the identity (1, -1, 1).

    Args:
        label: its name.
        above: a.
        below: b.
        degree: d, a whole number from 0 on.
    """

    label: str
    above: sp.Expr
    below: sp.Expr
    degree: int

    SLOPE: ClassVar[Parameter] = Parameter("slope", "a", low=-sp.oo, high=sp.oo, typical=(-0.5, 0.9))

    @property
    def name(self) -> str:
        return self.label

    @property
    def parity(self) -> str:
        if self.above == self.below:
            return "even"
        return "odd" if self.above == -self.below else "neither"

    def value(self, x: NDArray[Any]) -> NDArray[Any]:
        parts = []
        with np.errstate(over="ignore"):
            for slope, sign in ((self.above, 1), (self.below, -1)):
                if slope != 0:  # a side that is cut off must not overflow
                    side = x if sign > 0 else -x
                    part = np.maximum(side, 0.0) if self.degree else np.where(np.isnan(x), x, side > 0)
                    part = part**self.degree if self.degree > 1 else part
                    parts.append(part if slope == 1 else float(slope) * part)
            return sum(parts[1:], start=parts[0]) if parts else np.where(np.isnan(x), np.nan, 0.0)

    def derivative(self, x: Array) -> Array:
        if self.degree == 0:
            return np.where(np.isnan(x), np.nan, 0.0)
        return self.slope.value(x)

    def second_derivative(self, x: Array) -> Array:
        return self.slope.derivative(x) if self.degree else np.where(np.isnan(x), np.nan, 0.0)

    @property
    def kinks(self) -> tuple[sp.Expr, ...]:
        return () if self.above == (-1) ** self.degree * self.below else (sp.S.Zero,)

    @property
    def pieces(self) -> tuple[sp.Expr, ...]:
        above = self.above * X**self.degree
        return (self.below * (-X) ** self.degree, above) if self.kinks else (above,)

    def sides(self, order: int) -> tuple[Array, Array]:
        jumps = self.degree == order  # of degree d, the derivative of order d jumps
        phi = self.slope if order and self.degree else self
        ends = [float(side) if jumps else 0.0 for side in (phi.below, phi.above)]
        return (np.zeros(0), np.zeros(0)) if not self.kinks else (np.array(ends[:1]), np.array(ends[1:]))

    @property
    def slope(self) -> HomogeneousActivation:
        """Its derivative, again positively homogeneous, one degree lower."""
        return HomogeneousActivation(
            f"{self.label}'", self.above * self.degree, -self.below * self.degree, self.degree - 1
        )

    @property
    def growth(self) -> int:
        return self.degree

    def even_coefficient(self, power: int) -> sp.Expr:
        """Return (a^k + b^k) / 2."""
        return (self.above**power + self.below**power) / 2

    def even_part(self, power: int, argument: Expression) -> Expression | None:
        degree = self.degree * power
        return None if degree % 2 else self.even_coefficient(power) * argument**degree

    def odd_part(self, power: int, argument: Expression) -> Expression:
        degree = self.degree * power
        if degree == 0:
            return super().odd_part(power, argument)
        size: Expression = argument**degree if degree % 2 else argument * abs_(argument) ** (degree - 1)
        odd: Expression = size * ((self.above**power - self.below**power) / 2)
        return odd

    def odd_power(self, power: int) -> bool:
        return self.degree * power % 2 == 1 and self.parity != "odd"

    @property
    def even_part_holds_at_zero(self) -> bool:
        return self.degree > 0

    @property
    def gates(self) -> bool:
        return bool(self.below == 0 and self.above != 0)

    @property
    def vanishes_only_at_zero(self) -> bool:
        return bool(self.above.is_nonzero and self.below.is_nonzero)

    def moment(self, power: int, distribution: Distribution, times: int = 0) -> sp.Expr:
        degree = self.degree * power + times
        if degree == 0:
            above = distribution.positive_probability
            below = sp.S.Zero if self.below == 0 else distribution.negative_probability
            return self.above**power * above + self.below**power * below
        above = distribution.positive_part_moment(degree)
        if self.below == 0:
            return self.above**power * above
        below = (-1) ** (degree + times) * (distribution.moment(degree) - above)
        return self.above**power * above + self.below**power * below

    def at(self, values: Mapping[Any, Any]) -> Activation:
        above, below = substitute(self.above, values), substitute(self.below, values)
        if (above, below) == (self.above, self.below):
            return self
        label = self.label
        for sign in (1, -1):
            label = label.replace(f"({short(sign * self.below)})", f"({short(sign * below)})")
        return HomogeneousActivation(label, above, below, self.degree)


def _leaky(slope: sp.Expr) -> HomogeneousActivation:
    return HomogeneousActivation(f"leaky_relu({short(slope)})", sp.S.One, -slope, 1)


@explained
def leaky_relu(slope: Any = "1/100") -> Any:
    """Return the leaky ReLU: x for x > 0, slope * x for x < 0.

    Args:
        slope: the slope below 0; a number, a symbol or text. An Expression, a Distribution or an
            array is what leaky_relu() is applied to.

    Raises:
        ParameterError: the slope is no finite number.

    Examples:
        >>> float(leaky_relu(0.1)(-2.0))
        -0.2
    """
    if is_argument(slope):
        return leaky_relu()(slope)
    exact = HomogeneousActivation.SLOPE.validate(slope, "leaky_relu")
    return _leaky(within_floats(exact, "leaky_relu: slope"))


@explained
def prelu(slope: Any = "1/4") -> Any:
    """Return the leaky ReLU with the slope at which the parametric ReLU starts, 1/4.

    Args:
        slope: the slope below 0; a number, a symbol or text. An Expression, a Distribution or an
            array is what prelu() is applied to.

    Raises:
        ParameterError: the slope is no finite number.

    Example:
        >>> print(prelu())
        leaky_relu(1/4)

    Source: He, Zhang, Ren, Sun 2015.
    """
    return prelu()(slope) if is_argument(slope) else leaky_relu(slope)


identity = HomogeneousActivation("identity", sp.S.One, sp.S.NegativeOne, 1)
relu = HomogeneousActivation("relu", sp.S.One, sp.S.Zero, 1)
relu2 = HomogeneousActivation("relu2", sp.S.One, sp.S.Zero, 2)
abs_ = HomogeneousActivation("abs", sp.S.One, sp.S.One, 1)
step = HomogeneousActivation("step", sp.S.One, sp.S.Zero, 0)
