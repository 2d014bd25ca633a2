"""What every activation can be asked, and the distribution of an activated variable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, overload

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.errors import MomentError, ParameterError, brief
from varprop.model.calls import explained
from varprop.model.distributions import Distribution
from varprop.model.domains import Parameter
from varprop.model.expressions import Apply, Expression, Scalar
from varprop.model.scalars import symbols_in

__all__ = ["Activation", "Array", "Transformed", "X", "is_argument"]

Array = NDArray[np.float64]

X = sp.Symbol("x", real=True)
"""The argument in formulas of activations."""


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

    def second_derivative(self, x: Array) -> Array:
        """Return phi''(x), elementwise, off the kinks; by differences of phi' where no formula is given."""
        step = 1e-5 * (1 + np.abs(x))
        return np.asarray((self.derivative(x + step) - self.derivative(x - step)) / (2 * step))

    def beside_limit(self, x: Array, above: NDArray[np.bool_]) -> Array:
        """Return phi(x) minus its limit at oo, or at -oo where not `above`, with the digits of a difference.

        phi(x) itself where there is no limit but 0, or none is known; `above` has a shape that fits.
        """
        return self.value(x)

    @property
    def kinks(self) -> tuple[sp.Expr, ...]:
        """Return where phi or one of its derivatives jumps, in ascending order."""
        return ()

    @property
    def pieces(self) -> tuple[sp.Expr, ...] | None:
        """Return phi between its kinks, as expressions in `X`; None if it is known by its values alone."""
        return None

    def exact(self, x: sp.Expr) -> sp.Expr | None:
        """Return phi(x) as an expression; None if no formula, or the side of a kink, is known."""
        pieces, place = self.pieces, 0
        if pieces is None:
            return None
        for kink in self.kinks:
            side = x - kink
            if side.is_zero:
                ends = [piece.subs(X, x) for piece in pieces[place : place + 2]]
                number = float(self.value(np.array(float(kink))))
                return next((end for end in ends if end.is_finite and float(end) == number), None)
            if side.is_negative:
                break
            if not side.is_positive:
                return None
            place += 1
        found = pieces[place].subs(X, x)
        return found if found.is_finite else None

    @property
    def analytic(self) -> bool:
        """Whether phi is known to be analytic on the whole line."""
        return self.pieces is not None and not self.kinks

    @property
    def doubtful(self) -> bool:
        """Whether some of its numbers are off by more than rounding, so that `doubt` is to be asked."""
        return False

    def doubt(self, x: Array, order: int) -> Array:
        """Return how far the numbers of phi (order 0), phi' or phi'' (2) may be off, elementwise."""
        return np.zeros(np.shape(x))

    @property
    def breaks(self) -> Array:
        """Return the kinks as numbers."""
        return np.array([float(kink) for kink in self.kinks])

    def sides(self, order: int) -> tuple[Array, Array]:
        """Return the limits of phi (order 0) or phi' (order 1) from below and above at each kink."""
        return self._sides_from((self.value, self.derivative)[order])

    def side_doubts(self, order: int) -> tuple[Array, Array]:
        """Return how far `sides` may be off: by what its numbers doubt and what half the way changes."""
        if not self.doubtful:
            return np.zeros(len(self.breaks)), np.zeros(len(self.breaks))
        function = (self.value, self.derivative)[order]
        doubts = [3 * self.doubt(kinks, order) for kinks in self._beside()]
        shorter = self._sides_from(function, 0.5)
        low, high = (
            doubt + 2 * np.abs(whole - half)
            for doubt, whole, half in zip(doubts, self.sides(order), shorter, strict=True)
        )
        return low, high

    def _beside(self, part: float = 1.0) -> tuple[Array, Array]:
        near = part * 1e-7 * (1 + np.abs(self.breaks))
        return self.breaks - near, self.breaks + near

    def _sides_from(self, function: Callable[[Array], Array], part: float = 1.0) -> tuple[Array, Array]:
        """The limits of a line through two points on each side."""
        low, high = (
            2 * function(once) - function(twice)
            for once, twice in zip(self._beside(part), self._beside(2 * part), strict=True)
        )
        return low, high

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
        found = [(x, self.exact(x), chance) for x, chance in distribution.atoms or ()]
        terms = [chance * value**power * x**times for x, value, chance in found if value is not None]
        if terms and len(terms) == len(found):
            return sp.Add(*terms)
        asked = f"E {self.name}(X)**{power} for X of {distribution}"
        if self.growth is None:
            raise MomentError(
                asked,
                f"no closed form is known, and no bound on the growth of {self.name}, so it may not exist",
                "Give the activation a growth: a whole number d with |phi(x)| <= C (1 + |x|^d)",
            )
        raise MomentError(asked, "no closed form is known", "Mean(phi(x)) of a normal x can be derived")

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
    @explained
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
                f"{self.name}({brief(x, 60)})",
                "it is no number, array, Expression or Distribution",
                "Give one of these",
            )
        return self.value(numbers.astype(np.float64))

    def __str__(self) -> str:
        return self.name


def is_argument(given: object) -> bool:
    """Whether an activation with parameters is applied to this; a single number is a parameter."""
    return isinstance(given, Expression | Distribution | list | tuple) or (
        isinstance(given, np.ndarray) and given.ndim > 0
    )


@dataclass(frozen=True)
class Transformed(Distribution):
    """The distribution of activation(X) for X of a parent distribution.

    In `dot` and `neuron` it unfolds into activation(h) with a new variable h of the parent, so that
    rules see the parent.

    Args:
        activation: what is applied.
        parent: the distribution it is applied to.

    Examples:
        >>> from varprop import Normal, relu
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
        if self.atoms is not None:
            return True
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
    def atoms(self) -> tuple[tuple[sp.Expr, sp.Expr], ...] | None:
        inner = [(self.activation.exact(value), chance) for value, chance in self.parent.atoms or ()]
        known = tuple((value, chance) for value, chance in inner if value is not None)
        return known if known and len(known) == len(inner) else None

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return -sp.oo, sp.oo

    @property
    def free_symbols(self) -> frozenset[sp.Symbol]:
        return self.parent.free_symbols | symbols_in(self.activation)

    def _draw(self, rng: np.random.Generator, shape: tuple[int, ...] | int) -> Array:
        return self.activation.value(self.parent.draw(rng, shape))

    def at(self, values: Mapping[Any, Any]) -> Transformed:
        return Transformed(self.activation.at(values), self.parent.at(values))

    def __str__(self) -> str:
        return f"{self.activation}({self.parent})"

    def latex(self) -> str:
        return rf"{self.activation.latex}\left({self.parent.latex()}\right)"
