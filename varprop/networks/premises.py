"""What a profile rests on beyond its layers: named premises, each with a network that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.quantities import Mean
from varprop.model.axes import Axis
from varprop.model.distributions import Normal, Rademacher
from varprop.model.expressions import sum_over
from varprop.model.scalars import symbol
from varprop.model.variables import RandomVariable

__all__ = ["GRADIENT_INDEPENDENCE", "PICTURES_ALIKE", "WIDE_LAYERS", "Broken", "Premise"]

N = symbol("n")


@dataclass(frozen=True)
class Broken:
    """A case in which a premise fails, both sides derived.

    Attributes:
        case: what it is, in words.
        truth: the number as it is, by the width n.
        formula: the number as the premise has it.
    """

    case: str
    truth: sp.Expr
    formula: sp.Expr


@dataclass(frozen=True)
class Premise:
    """A named premise that numbers of a profile rest on.

    Attributes:
        name: what it is called.
        sentence: what it says.
        witnesses: functions that return a case which breaks it.
    """

    name: str
    sentence: str
    witnesses: tuple[Callable[[], Broken], ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}"


def _loss_of_output() -> Broken:
    """The loss y^2 / 2 of one linear unit: its gradient y w_k depends on y, and y on w_k."""
    i = Axis("i", N)
    w = RandomVariable("w", Normal(variance=1 / N), axes=i, role="weights")
    x = RandomVariable("x", Rademacher(), axes=i)
    y = sum_over(i, w * x)
    (k,) = i.places(1)
    truth = derive(Mean(y**2 * w[k] ** 2)).result
    formula = derive(Mean(y**2)).result * derive(Mean(w**2)).result
    return Broken("the loss y^2 / 2 of one linear unit, whose gradient depends on y", truth, formula)


def _tied_weights() -> Broken:
    """The same matrix twice: both factors of a path may be one weight."""
    i = Axis("i", N)
    w = RandomVariable("W", Normal(variance=1 / N), axes=(i, i), role="weights")
    x = RandomVariable("x", Rademacher(), axes=i)
    j, k = i.places(2)
    inner = sum_over(i, w[j, i] * x)
    truth = derive(Mean(sum_over(j, w[k, j] * inner) ** 2)).result
    return Broken("one matrix in two linear layers, W W x", truth, sp.S.One)


def _narrow_relu() -> Broken:
    """E relu of two layers of one unit: a product of normal sizes, no normal unit."""
    i = Axis("i", sp.S.One)
    w, v = (RandomVariable(name, Normal(), axes=i, role="weights") for name in ("w", "v"))
    z = sum_over(i, v * sum_over(i, w))
    return Broken("two linear layers of one unit: E z^4", derive(Mean(z**4)).result, sp.Integer(3))


def _pictures_of_two_sizes() -> Broken:
    """E z^4 above pictures that are all 0 or all 2: no normal unit, however wide the layer."""
    i = Axis("i", N)
    w = RandomVariable("w", Normal(variance=1 / N), axes=i, role="weights")
    z = sum_over(i, w * (1 + RandomVariable("r", Rademacher())))
    return Broken(
        "pictures of 0 or 2 alone: E z^4", derive(Mean(z**4)).result, 3 * derive(Mean(z**2)).result ** 2
    )


GRADIENT_INDEPENDENCE = Premise(
    "gradient independence",
    "the gradient that reaches a layer is independent of what the layer holds",
    (_loss_of_output, _tied_weights),
)
PICTURES_ALIKE = Premise(
    "pictures alike",
    "all pictures of a table have one mean square at each position, which no width brings about",
    (_pictures_of_two_sizes,),
)
WIDE_LAYERS = Premise(
    "wide layers",
    "all widths grow together, so that pre-activations become normal and lengths become sharp",
    (_narrow_relu,),
)
