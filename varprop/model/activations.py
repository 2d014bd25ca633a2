"""Nonlinearities: one frozen class per family, holding value, derivative and exact facts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, overload

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.errors import MomentError, ParameterError
from varprop.model.distributions import Distribution
from varprop.model.domains import Parameter
from varprop.model.expressions import Apply, Expression, Scalar

__all__ = [
    "Activation",
    "HomogeneousActivation",
    "Transformed",
    "abs_",
    "identity",
    "leaky_relu",
    "relu",
    "relu2",
    "step",
]

Array = NDArray[np.float64]


class Activation(ABC):
    """A function of one real number, applied to expressions, arrays and distributions alike."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called, parameters included."""

    @abstractmethod
    def value(self, x: Array) -> Array:
        """Return phi(x), elementwise."""

    @abstractmethod
    def derivative(self, x: Array) -> Array:
        """Return phi'(x), elementwise, 0 where it does not exist."""

    @property
    def parity(self) -> str:
        """Return "odd", "even" or "neither"."""
        return "neither"

    @property
    def growth(self) -> int | None:
        """A whole number d with |phi(x)| <= C (1 + |x|^d), so that moments of X grant those of phi(X).

        None if no such bound is known; then no rule may say that a mean of phi(X) vanishes.
        """
        return None

    def even_part(self, power: int, argument: Expression) -> Expression | None:
        """Return (phi(z)^k + phi(-z)^k) / 2 for z != 0 as an expression, or None if it is no polynomial."""
        return None

    def odd_part(self, power: int, argument: Expression) -> Expression:
        """Return (phi(z)^k - phi(-z)^k) / 2 as an expression."""
        return (self(argument) ** power - self(-argument) ** power) / 2

    def odd_power(self, power: int) -> bool:
        """Whether the odd part of phi(z)^k is a multiple of an odd power of z."""
        return False

    @property
    def even_part_holds_at_zero(self) -> bool:
        """Whether `even_part` is also right at z = 0."""
        return True

    @property
    def gates(self) -> bool:
        """Whether phi(x) is 0 for all x <= 0 and not 0 for x > 0, as a ReLU and its derivative."""
        return False

    @property
    def vanishes_only_at_zero(self) -> bool:
        """Whether phi(x) = 0 only at x = 0."""
        return False

    def moment(self, power: int, distribution: Distribution, times: int = 0) -> sp.Expr:
        """Return E phi(X)^power X^times for X of a distribution, in closed form.

        Raises:
            MomentError: no closed form is known.
        """
        raise MomentError(f"E {self.name}(X)**{power} for X of {distribution}", "no closed form is known")

    def at(self, values: Mapping[Any, Any]) -> Activation:
        """Return the activation with values for its symbols."""
        return self

    @property
    def latex(self) -> str:
        """Its name in LaTeX."""
        return rf"\operatorname{{{self.name}}}".replace("_", r"\_")

    @overload
    def __call__(self, x: Expression) -> Expression: ...
    @overload
    def __call__(self, x: Distribution) -> Distribution: ...
    @overload
    def __call__(self, x: Any) -> Array: ...
    def __call__(self, x: Any) -> Any:
        """Apply to an Expression, a Distribution, or numbers."""
        if isinstance(x, Scalar):
            raise ParameterError(
                f"{self.name}({x})", "it is not random", "Apply it to a random expression or to an array"
            )
        if isinstance(x, Expression):
            return Apply.of(self, x.checked())
        if isinstance(x, Distribution):
            return Transformed(self, x)
        try:
            numbers = np.asarray(x)
        except ValueError:  # rows of different lengths
            numbers = np.array(None)
        if numbers.dtype.kind not in "biuf":
            raise ParameterError(
                f"{self.name}({x!r:.60})",
                "it is no number, array, Expression or Distribution",
                "Give one of these",
            )
        return self.value(numbers.astype(np.float64))

    def __str__(self) -> str:
        return self.name


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

    def value(self, x: Array) -> Array:
        result = np.where(np.isnan(x), np.nan, 0.0)
        for slope, side in ((self.above, x), (self.below, -x)):
            if slope != 0:  # a side that is cut off must not overflow
                result += float(slope) * (np.maximum(side, 0) ** self.degree if self.degree else side > 0)
        return result

    def derivative(self, x: Array) -> Array:
        if self.degree == 0:
            return np.where(np.isnan(x), np.nan, 0.0)
        return self.slope.value(x)

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
        above, below = self.above.xreplace(values), self.below.xreplace(values)
        if (above, below) == (self.above, self.below):
            return self
        label = self.label
        for sign in (1, -1):
            label = label.replace(f"[{sign * self.below}]", f"[{sign * below}]")
        return HomogeneousActivation(label, above, below, self.degree)


def _leaky(slope: sp.Expr) -> HomogeneousActivation:
    return HomogeneousActivation(f"leaky_relu[{slope}]", sp.S.One, -slope, 1)


def leaky_relu(slope: object = "1/100") -> HomogeneousActivation:
    """Return the leaky ReLU: x for x > 0, slope * x for x < 0.

    Args:
        slope: the slope below 0; a number, a symbol or text.

    Raises:
        ParameterError: the slope is no finite number.

    Examples:
        >>> float(leaky_relu(0.1)(-2.0))
        -0.2
    """
    return _leaky(HomogeneousActivation.SLOPE.validate(slope, "leaky_relu"))


identity = HomogeneousActivation("identity", sp.S.One, sp.S.NegativeOne, 1)
relu = HomogeneousActivation("relu", sp.S.One, sp.S.Zero, 1)
relu2 = HomogeneousActivation("relu2", sp.S.One, sp.S.Zero, 2)
abs_ = HomogeneousActivation("abs", sp.S.One, sp.S.One, 1)
step = HomogeneousActivation("step", sp.S.One, sp.S.Zero, 0)


@dataclass(frozen=True)
class Transformed(Distribution):
    """The distribution of activation(X) for X of a parent distribution.

    In `dot` and `neuron` it unfolds into activation(h) with a new variable h of the parent, so that
    rules see the parent.

    Args:
        activation: what is applied.
        parent: the distribution it is applied to.

    Examples:
        >>> from varprop.model.distributions import Normal
        >>> relu(Normal(variance=2)).moment(2)
        1
    """

    parameters: ClassVar[tuple[Parameter, ...]] = ()
    activation: Activation
    parent: Distribution

    def _moment(self, k: int) -> sp.Expr:
        return self.activation.moment(k, self.parent)

    def moment_exists(self, k: int) -> bool | None:
        """True where the growth of the activation and the moments of the parent grant it."""
        growth = self.activation.growth
        return True if growth is not None and self.parent.moment_exists(growth * k) else None

    def why_no_moment(self, k: int) -> tuple[str, str]:
        growth = self.activation.growth
        if growth is None:
            return f"no bound on the growth of {self.activation} is known", "Give the activation a growth."
        return self.parent.why_no_moment(growth * k)

    @property
    def symmetric(self) -> bool | None:
        return True if self.activation.parity == "odd" and self.parent.symmetric else None

    @property
    def atom_at_zero(self) -> bool | None:
        return None

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return -sp.oo, sp.oo

    @property
    def free_symbols(self) -> frozenset[sp.Symbol]:
        return self.parent.free_symbols

    def _draw(self, rng: np.random.Generator, shape: tuple[int, ...] | int) -> Array:
        return self.activation.value(self.parent.draw(rng, shape))

    def at(self, values: Mapping[Any, Any]) -> Transformed:
        return Transformed(self.activation.at(values), self.parent.at(values))

    def __str__(self) -> str:
        return f"{self.activation}({self.parent})"

    def latex(self) -> str:
        return rf"{self.activation.latex}\left({self.parent.latex()}\right)"


NAMED: dict[str, Any] = {
    "abs": abs_,
    "identity": identity,
    "leaky_relu": lambda law, slope="1/100": leaky_relu(slope)(law),
    "relu": relu,
    "relu2": relu2,
    "step": step,
}
"""Activations by the names that a text may use; each maps a distribution to a distribution."""
