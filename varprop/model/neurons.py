"""Dot products and neurons in one call."""

from __future__ import annotations

import itertools

from varprop.errors import ExpressionError, ParameterError
from varprop.model.activations import NAMED, Transformed
from varprop.model.axes import Axis, as_size
from varprop.model.calls import explained
from varprop.model.distributions import Distribution
from varprop.model.expressions import Expression, as_expression, sum_over
from varprop.model.joint import Joint
from varprop.model.parsing import as_distribution
from varprop.model.variables import RandomVariable, RandomVector

__all__ = ["dot", "neuron"]


@explained
def dot(*, weights: object, inputs: object, fan_in: object = None) -> Expression:
    """Return the pre-activation sum_i w_i x_i.

    Args:
        weights: the distribution of each weight, independent copies along the inputs; or the law of a whole
            matrix, such as an initializer; or an expression of one free axis.
        inputs: the distribution of each input; `relu(Normal())` becomes relu(h_i) with a new h; or a
            RandomVector, or an expression of one free axis.
        fan_in: the number of terms; a whole number, a symbol or text. Weights or inputs that bring an axis
            bring it too.

    Raises:
        ParameterError: fan_in is missing, or contradicts the axis that inputs or weights bring.

    Examples:
        >>> dot(weights="Normal(variance=2/n)", inputs="relu(Normal())", fan_in="n")
        sum_i w_i*relu(h_i)
    """
    if isinstance(weights, Joint) and len(weights.shape) > 1:
        weights, fan_in = _rows(weights, inputs, fan_in)
    axis = _axis(weights, inputs, fan_in)
    w = _along(weights, "w", axis, role="weights")
    x = _along(inputs, "x", axis, role="inputs")
    return sum_over(axis, w * x)


@explained
def neuron(*, weights: object, inputs: object, fan_in: object = None, bias: object = None) -> Expression:
    """Return the pre-activation z = sum_i w_i x_i + b of one neuron.

    Args:
        weights, inputs, fan_in: as for `dot`.
        bias: a distribution, a number, or None for no bias.

    Raises:
        ParameterError: fan_in is missing or is no size.

    Examples:
        >>> neuron(weights="Normal(variance=1/n)", inputs="Unknown()", fan_in="n", bias="Normal(variance=s)")
        (sum_i w_i*x_i) + b
    """
    total = dot(weights=weights, inputs=inputs, fan_in=fan_in)
    if bias is None:
        return total
    if isinstance(bias, Expression):
        return total + bias
    law = as_distribution(bias, NAMED)
    value = getattr(law, "value", None)
    return total + (RandomVariable("b", law, role="bias") if value is None else as_expression(value))


def _rows(weights: Joint, inputs: object, fan_in: object) -> tuple[object, object]:
    """Return the weights of a unit, along the axis that inputs may bring, and how many there are."""
    if fan_in is not None and as_size(fan_in, "fan_in") != weights.terms:
        raise ParameterError(f"fan_in={fan_in}", f"a row of {weights} has {weights.terms} entries")
    law = weights.row_law
    if not isinstance(law, Joint):
        return law, weights.terms
    units = Axis("j", law.shape[0])
    along = (_brought(inputs) or [Axis("i", weights.terms)])[-1]
    return RandomVector("w", law, axes=(units, along), role="weights"), weights.terms


def _brought(given: object) -> list[Axis]:
    if not isinstance(given, Expression):
        return []
    axes = {index.axis for index in given.indices if index.kind == "generic"}
    return sorted(axes, key=lambda axis: axis.token)


def _axis(weights: object, inputs: object, fan_in: object) -> Axis:
    brought: list[Axis] = []
    for given in (weights, inputs):
        brought.extend(_brought(given))
        if isinstance(given, Joint):
            raise ParameterError(
                f"dot with {given}", "it is the law of a vector", "Make it one: vp.RandomVector('x', ...)"
            )
    shared = [axis for axis, count in _counted(brought) if count > 1] or brought
    if shared:
        axis = shared[-1]
        if fan_in is not None and as_size(fan_in, "fan_in") != axis.size:
            raise ParameterError(
                f"fan_in={fan_in}", f"the axis {axis.name} of the inputs has {axis.size} places"
            )
        return axis
    if fan_in is None:
        raise ParameterError("dot(...)", "the number of terms is missing", "Give fan_in=256, or fan_in='n'")
    return Axis("i", as_size(fan_in, "fan_in"))


def _counted(axes: list[Axis]) -> list[tuple[Axis, int]]:
    return [
        (axis, len(list(group))) for axis, group in itertools.groupby(sorted(axes, key=lambda a: a.token))
    ]


def _along(given: object, name: str, axis: Axis, role: str) -> Expression:
    if isinstance(given, Expression):
        if role == "inputs" and axis.index not in given.indices:
            raise ExpressionError(
                f"inputs {given}", f"they do not vary along {axis.name}", "Use axes=axis for them"
            )
        return given
    law: Distribution = as_distribution(given, NAMED)
    wrapped = []
    while isinstance(law, Transformed):
        wrapped.append(law.activation)
        law = law.parent
    leaf: Expression = RandomVariable("h" if wrapped else name, law, axes=axis, role=role)
    for activation in reversed(wrapped):
        leaf = activation(leaf)
    return leaf
